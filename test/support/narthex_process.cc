#include "test/support/narthex_process.h"

#include <signal.h>

#include <fstream>
#include <iostream>
#include <stdexcept>

#include "base/text.h"

namespace narthex::test {

namespace {

std::vector<std::string> arguments(const std::string& binary, const ManifestFolder& folder,
                                   const NarthexOptions& options) {
  std::vector<std::string> argv = {binary, "serve", "--manifests", folder.path().string()};
  if (!options.api_server.empty()) argv = {binary, "controller", "--apiserver-host", options.api_server};
  if (!options.bind_address.empty()) argv.insert(argv.end(), {"--bind-address", options.bind_address});
  const auto add = [&](const char* flag, uint64_t number) {
    argv.emplace_back(flag);
    argv.push_back(std::to_string(number));
  };
  add("--http-port", options.http_port);
  add("--https-port", options.https_port);
  add("--admin-port", options.admin_port);
  add("--workers", static_cast<uint64_t>(options.workers));
  argv.insert(argv.end(), options.more.begin(), options.more.end());
  return argv;
}

uint16_t port_in(const std::string& line, const std::string& word) {
  const size_t at = line.find(" " + word + "=");
  const size_t end = at == std::string::npos ? at : line.find_first_of(" \"", at + 1);
  const std::string address = at == std::string::npos ? "" : line.substr(at, end - at);
  const auto port = base::parse_decimal(std::string_view(address).substr(address.rfind(':') + 1), 65535);
  if (!port) throw std::runtime_error("no port of " + word + " in: " + line);
  return static_cast<uint16_t>(*port);
}

}  // namespace

Narthex::Narthex(const std::string& binary, const ManifestFolder& folder, const NarthexOptions& options)
    : process_(arguments(binary, folder, options)), admin_source_(options.bind_address == "::1" ? "::1" : "") {
  const std::optional<std::string> line = process_.wait_for_line("ready:");
  if (!line) throw std::runtime_error("narthex does not become ready; it said:\n" + log());
  http_port_ = port_in(*line, "http");
  https_port_ = port_in(*line, "https");
  admin_port_ = port_in(*line, "admin");
}

Narthex::~Narthex() {
  // Died on its own: a check or a sanitizer ended it. The test must not be able to overlook that.
  const bool ended = process_.wait_for_exit(std::chrono::milliseconds(0)).value_or(0) != 0;
  if (ended || std::uncaught_exceptions() > 0) std::cerr << "narthex said:\n" << log() << std::endl;
}

Response Narthex::admin(const std::string& path) const {
  return exchange(*connect_plain(admin_port_, admin_source_), {.target = path, .host = "localhost"});
}

std::optional<double> Narthex::metric(const std::string& name_and_labels) const {
  const std::string text = admin("/metrics").body;
  for (std::string_view line : base::split(text, '\n'))
    if (line.starts_with(name_and_labels + " ")) return std::stod(std::string(line.substr(name_and_labels.size() + 1)));
  return std::nullopt;
}

uint64_t Narthex::generation() const {
  return static_cast<uint64_t>(metric("narthex_snapshot_adopted_generation").value_or(0));
}

bool Narthex::wait_generation(uint64_t generation_wanted) const {
  return eventually([&] { return generation() >= generation_wanted; });
}

size_t Narthex::peak_resident_bytes() const {
  std::ifstream file("/proc/" + std::to_string(process_.pid()) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6)) * 1024;
  throw std::runtime_error("the kernel does not tell how much memory narthex has");
}

std::optional<int> Narthex::stop() {
  process_.signal(SIGTERM);
  return process_.wait_for_exit();
}

}  // namespace narthex::test
