#include "proxy/worker_context.h"

#include <ctime>

namespace narthex::proxy {

std::string_view DateText::at(Loop& loop) {
  if (loop.now() >= valid_until_) {
    const base::WallTime wall = loop.wall_now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(wall);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    size_ = std::strftime(text_.data(), text_.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    valid_until_ = loop.now() + (std::chrono::ceil<std::chrono::seconds>(wall + std::chrono::nanoseconds(1)) - wall);
  }
  return {text_.data(), size_};
}

}  // namespace narthex::proxy
