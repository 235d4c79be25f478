#include "proxy/access_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/text.h"

namespace narthex::proxy {
namespace {

constexpr size_t kLineBytesMax = 8 * 1024;
constexpr std::chrono::milliseconds kBetweenWrites{50};

std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }

// Nothing of a request can end a line or a quoted part: control bytes, quotes and backslashes are escaped as nginx does.
void put_quoted(std::string& out, std::string_view text) {
  for (const char c : text.substr(0, kLineBytesMax / 4)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
      fmt::format_to(std::back_inserter(out), "\\x{:02X}", byte);
    } else {
      out += c;
    }
  }
}

void put_text(const AccessLine& line, std::string& out) {
  const auto put = std::back_inserter(out);
  fmt::format_to(put, "{} - - [{:%d/%b/%Y:%H:%M:%S} +0000] \"", or_dash(line.client),
                 fmt::gmtime(std::chrono::system_clock::to_time_t(line.time)));
  put_quoted(out, line.method);
  out += ' ';
  put_quoted(out, line.target);
  fmt::format_to(put, " HTTP/{}.{}\" {} {} \"", line.version / 10, line.version % 10, line.status, line.response_bytes);
  put_quoted(out, or_dash(line.referer));
  out += "\" \"";
  put_quoted(out, or_dash(line.user_agent));
  fmt::format_to(put, "\" {:.3f} [{}] {} {} ", static_cast<double>(line.duration.count()) / 1e6, line.backend, or_dash(line.upstream),
                 line.upstream_status);
  put_quoted(out, or_dash(line.request_id));
  if (!line.fault.empty()) fmt::format_to(put, " {}", line.fault);
}

void put_json(const AccessLine& line, std::string& out) {
  const auto put = std::back_inserter(out);
  const auto text = [&](std::string_view key, std::string_view value) {
    fmt::format_to(put, R"(,"{}":"{}")", key, base::escape_line(value.substr(0, kLineBytesMax / 4), true));
  };
  fmt::format_to(put, R"({{"time":"{:%Y-%m-%dT%H:%M:%S}Z","status":{},"bytes":{},"duration_us":{},"upstream_status":{})",
                 fmt::gmtime(std::chrono::system_clock::to_time_t(line.time)), line.status, line.response_bytes, line.duration.count(),
                 line.upstream_status);
  text("client", line.client);
  text("method", line.method);
  text("host", line.host);
  text("target", line.target);
  text("referer", line.referer);
  text("user_agent", line.user_agent);
  text("request_id", line.request_id);
  text("namespace", line.ns);
  text("ingress", line.ingress);
  text("backend", line.backend);
  text("upstream", line.upstream);
  text("fault", line.fault);
  out += '}';
}

}  // namespace

void format_access_line(const AccessLine& line, bool json, std::string& out) {
  json ? put_json(line, out) : put_text(line, out);
}

bool AccessLogRing::add(const AccessLine& line) {
  scratch_.clear();
  format_access_line(line, json_, scratch_);
  scratch_ += '\n';
  const uint64_t start = written_.load(std::memory_order_relaxed);
  if (kBytes - (start - taken_.load(std::memory_order_acquire)) < scratch_.size()) return false;
  for (size_t done = 0; done < scratch_.size();) {
    const size_t at = (start + done) % kBytes;
    const size_t part = std::min(scratch_.size() - done, kBytes - at);
    std::memcpy(bytes_.data() + at, scratch_.data() + done, part);
    done += part;
  }
  written_.store(start + scratch_.size(), std::memory_order_release);
  return true;
}

void AccessLogRing::take(std::string& out) {
  const uint64_t end = written_.load(std::memory_order_acquire);
  uint64_t start = taken_.load(std::memory_order_relaxed);
  while (start < end) {
    const size_t at = start % kBytes;
    const size_t part = std::min<uint64_t>(end - start, kBytes - at);
    out.append(bytes_.data() + at, part);
    start += part;
  }
  taken_.store(end, std::memory_order_release);
}

base::Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& target, bool json) {
  if (target == "-") return std::unique_ptr<AccessLog>(new AccessLog(dup(STDOUT_FILENO), json));
  const int fd = ::open(target.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return base::Error("--access-log: cannot open " + target + ": " + std::strerror(errno) + "; give a file that may be written, or -");
  return std::unique_ptr<AccessLog>(new AccessLog(fd, json));
}

AccessLog::~AccessLog() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  close(fd_);
}

AccessLogRing* AccessLog::add_ring() { return rings_.emplace_back(std::make_unique<AccessLogRing>(json_)).get(); }

void AccessLog::start() {
  thread_ = std::thread([this] { run(); });
}

void AccessLog::run() {
  while (!stopping_) {
    write_out();
    std::this_thread::sleep_for(kBetweenWrites);
  }
  write_out();
}

void AccessLog::write_out() {
  std::string lines;
  for (const std::unique_ptr<AccessLogRing>& ring : rings_) ring->take(lines);
  for (std::string_view rest = lines; !rest.empty();) {
    // In steps that a pipe takes whole once it is writable, so that a blocked reader cannot hold up the end of the program.
    pollfd waiting{fd_, POLLOUT, 0};
    if (poll(&waiting, 1, 1000) == 0) {
      if (stopping_) return;
      continue;
    }
    const ssize_t written = write(fd_, rest.data(), std::min<size_t>(rest.size(), PIPE_BUF));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // a full disk or a closed pipe: the lines are lost, requests go on
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace narthex::proxy
