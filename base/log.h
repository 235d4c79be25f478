// The program's log: one line per event on standard error, as text or as JSON. spdlog does the work behind log.cc.
// THREAD: any. LIMIT: a line is cut at 16 KiB; control bytes are escaped, so no input can forge a line.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace narthex::base::log {

enum class Format { text, json };
enum class Level { debug, info, warn, error };

// Call once, before other threads start. Lines below `least` are dropped.
void set_up(Format format, Level least);
bool enabled(Level level);
void write(Level level, std::string_view line);

template <typename... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::warn)) write(Level::warn, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace narthex::base::log
