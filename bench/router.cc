// Bytes and nanoseconds per path of the routing index (design 8): bench_router [--hosts N] [--paths P].
// Run pinned to one core, in a release build. Without arguments: 1, 1 000 and 100 000 hosts x 10 paths. One host in ten
// is a wildcard; each host has a Prefix "/" besides. "Hot" asks for 1 000 distinct host-path pairs again and again,
// "random" for 2 000 000.
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "router/host_index.h"

namespace {

using narthex::router::HostIndex;
using narthex::router::HostRoutes;
using narthex::router::HostSpec;
using narthex::router::PathType;
using narthex::router::RouteOwner;

size_t heap_bytes() {
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

// CPU time, so that what else runs on the machine counts only by what it takes from the caches.
double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

HostSpec make_host(size_t number, size_t paths, std::mt19937_64& random) {
  const std::string id = std::to_string(number);
  HostSpec spec;
  spec.host = number % 10 == 0 ? "*.t" + id + ".example.com"
                               : "app" + id + ".team" + std::to_string(number % 97) + ".example.com";
  const auto owner = std::make_shared<RouteOwner>(RouteOwner{"team" + std::to_string(number % 97), "app" + id});
  const auto add = [&](std::string path) {
    spec.routes.push_back({std::move(path), PathType::prefix, 0, nullptr, owner});
  };
  for (size_t i = 0; i < paths; ++i)
    add("/api/v" + std::to_string(i % 3) + "/svc" + std::to_string(random() % 1000) + "/res" + std::to_string(i));
  add("/");
  return spec;
}

// Requests back to back in one text, so that reading them costs no cache misses beyond the stream.
class Requests {
 public:
  Requests(const std::vector<HostSpec>& specs, size_t count, std::mt19937_64& random) {
    for (size_t i = 0; i < count; ++i) {
      const HostSpec& spec = specs[random() % specs.size()];
      const bool wildcard = spec.host[0] == '*';
      const std::string host = wildcard ? "x" + std::to_string(random() % 50) + spec.host.substr(1) : spec.host;
      std::string path = spec.routes[random() % (spec.routes.size() - 1)].path;
      if (random() % 2 != 0) path += "/item/12345/details";
      sizes_.emplace_back(host.size(), path.size());
      text_ += host + path;
    }
  }

  // Nanoseconds per lookup, asking for the first `distinct` requests over and over: the best of nine rounds, because
  // what else runs on the machine only adds.
  double measure(const HostIndex& index, size_t distinct) const {
    double best = measure_round(index, distinct);
    for (int round = 1; round < 9; ++round) best = std::min(best, measure_round(index, distinct));
    return best;
  }

 private:
  double measure_round(const HostIndex& index, size_t distinct) const {
    const size_t count = sizes_.size();
    size_t missed = 0;
    const double start = cpu_ns();
    for (size_t done = 0; done < count; done += distinct) {
      const char* at = text_.data();
      for (size_t i = 0; i < distinct; ++i) {
        const std::string_view host(at, sizes_[i].first), path(at + host.size(), sizes_[i].second);
        at += host.size() + path.size();
        const HostRoutes* routes = index.find(host);
        const auto* route = routes ? routes->match(path) : nullptr;
        missed += !route || route->path_size <= 1;
      }
    }
    const double taken = (cpu_ns() - start) / static_cast<double>(count);
    if (missed != 0) std::printf("WRONG: %zu lookups found no route or only '/'\n", missed);
    return taken;
  }

  std::string text_;
  std::vector<std::pair<uint16_t, uint16_t>> sizes_;
};

// Microseconds to make the next index from one that stays in use: copy, put one host, free what nobody shares any more.
double measure_change(const HostIndex& index, const std::vector<HostSpec>& specs, std::mt19937_64& random) {
  constexpr size_t kChanges = 2000;
  std::vector<std::shared_ptr<const HostRoutes>> changed;
  for (size_t i = 0; i < kChanges; ++i) changed.push_back(HostRoutes::compile(specs[random() % specs.size()]));
  HostIndex current = index;
  const double start = cpu_ns();
  for (auto& routes : changed) {
    HostIndex next = current;
    next.set(std::move(routes));
    current = std::move(next);
  }
  return (cpu_ns() - start) / 1000 / kChanges;
}

void run(size_t hosts, size_t paths) {
  constexpr size_t kRequests = 2'000'000, kHot = 1000;
  std::mt19937_64 random(1);
  std::vector<HostSpec> specs;
  for (size_t i = 0; i < hosts; ++i) specs.push_back(make_host(i, paths, random));

  const size_t heap_before = heap_bytes();
  const double start = cpu_ns();
  HostIndex index;
  for (const HostSpec& spec : specs) index.set(HostRoutes::compile(spec));
  const double build_ms = (cpu_ns() - start) / 1e6;
  const size_t heap = heap_bytes() - heap_before;

  size_t route_bytes = 0;
  index.for_each([&route_bytes](const HostRoutes& routes) { route_bytes += routes.route_bytes(); });
  const auto per_path = [all = hosts * (paths + 1)](size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(all);
  };
  const Requests requests(specs, kRequests, random);
  const double hot = requests.measure(index, kHot), spread = requests.measure(index, kRequests);
  std::printf(
      "%7zu hosts x %zu paths: build %.1f ms; bytes per path: index %.1f, records %.1f, heap in all %.1f; lookup: hot "
      "%.0f ns, "
      "random %.0f ns; one changed host %.1f us\n",
      hosts, paths, build_ms, per_path(index.index_bytes()), per_path(route_bytes), per_path(heap), hot, spread,
      measure_change(index, specs, random));
}

}  // namespace

int main(int argc, char** argv) {
  size_t hosts = 0, paths = 10;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    const auto value = i + 1 < argc ? narthex::base::parse_decimal(argv[i + 1], 10'000'000) : std::nullopt;
    if (!value || *value == 0 || (flag != "--hosts" && flag != "--paths")) {
      std::fprintf(stderr, "usage: bench_router [--hosts N] [--paths P]\n");
      return 2;
    }
    (flag == "--hosts" ? hosts : paths) = *value;
  }
  for (const size_t count : hosts != 0 ? std::vector<size_t>{hosts} : std::vector<size_t>{1, 1'000, 100'000})
    run(count, paths);
  return 0;
}
