#include "controller/api/small_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace narthex::controller {

base::Result<std::string> read_small_file(const std::string& path) {
  // Not to wait for the writer of a named pipe.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return base::Error(fmt::format("{}: {}", path, std::strerror(errno)));
  std::string text;
  std::string trouble;
  struct stat state {};
  if (::fstat(fd, &state) != 0 || !S_ISREG(state.st_mode)) trouble = "is no regular file";
  char part[16 * 1024];
  while (trouble.empty()) {
    const ssize_t got = ::read(fd, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) trouble = std::strerror(errno);
    if (got <= 0) break;
    text.append(part, static_cast<size_t>(got));
    if (text.size() > kSmallFileBytesMax) trouble = fmt::format("is larger than {} bytes", kSmallFileBytesMax);
  }
  ::close(fd);
  if (!trouble.empty()) return base::Error(fmt::format("{}: {}", path, trouble));
  return {boost::system::in_place_value, std::move(text)};
}

}  // namespace narthex::controller
