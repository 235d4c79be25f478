#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "base/text.h"

namespace narthex::base::log {
namespace {

constexpr size_t kLineBytesMax = 16 * 1024;

std::atomic<int> least_level{static_cast<int>(Level::info)};
std::atomic<bool> as_json{false};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = spdlog::stderr_logger_mt("narthex");
  return *instance;
}

}  // namespace

void set_up(Format format, Level least) {
  as_json = format == Format::json;
  least_level = static_cast<int>(least);
  logger().set_level(to_spdlog(least));
  logger().flush_on(spdlog::level::debug);
  if (format == Format::json) {
    logger().set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%v"})", spdlog::pattern_time_type::utc);
  } else {
    logger().set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  }
}

bool enabled(Level level) { return static_cast<int>(level) >= least_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view line) {
  logger().log(to_spdlog(level), "{}", escape_line(line.substr(0, kLineBytesMax), as_json));
}

}  // namespace narthex::base::log
