#include "controller/manifest_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace narthex::controller {
namespace {

class OpenFile final {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  ~OpenFile() {
    if (fd_ > STDERR_FILENO) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

Signature signature_of(const struct stat& status) {
  constexpr int64_t kNanoseconds = 1'000'000'000;
  return {static_cast<uint64_t>(status.st_dev), static_cast<uint64_t>(status.st_ino),
          static_cast<uint64_t>(status.st_size),
          status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec,
          status.st_ctim.tv_sec * kNanoseconds + status.st_ctim.tv_nsec};
}

std::string system_message(int number) { return std::strerror(number); }

std::string too_large_message() {
  return "holds more than " + std::to_string(kManifestBytesMax >> 20) + " MiB; split it into smaller files";
}

// To the end, or one byte above the limit.
base::Result<std::string> read_to_end(int fd, size_t expected) {
  std::string text;
  text.resize(std::min(expected, kManifestBytesMax) + 1);
  size_t filled = 0;
  while (true) {
    if (filled == text.size()) text.resize(std::min(text.size() * 2, kManifestBytesMax + 1));
    const ssize_t got = read(fd, text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::Error("cannot be read: " + system_message(errno));
    if (got == 0) break;
    filled += static_cast<size_t>(got);
    if (filled > kManifestBytesMax) return base::Error(too_large_message());
  }
  text.resize(filled);
  return base::Result<std::string>(boost::system::in_place_value, std::move(text));
}

// Takes a read lease, which the kernel gives only while nobody has the file open for writing; it ends with the
// descriptor. Who opens it for writing meanwhile waits for that; the signal that tells us is turned into one that is
// ignored by default.
bool has_writer(int fd) {
  fcntl(fd, F_SETSIG, SIGURG);
  return fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
}

}  // namespace

Stood stand_at(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    // A symbolic link that leads to nothing reads as nothing, as does a path whose folder is gone.
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return {Stood::What::unreadable, {}, system_message(errno)};
  }
  Stood stood{Stood::What::other, signature_of(status), {}};
  if (S_ISREG(status.st_mode)) stood.what = Stood::What::file;
  if (S_ISDIR(status.st_mode)) stood.what = Stood::What::folder;
  return stood;
}

bool has_manifest_name(std::string_view name) {
  if (name.starts_with('.')) return false;
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

std::string join_path(const std::string& folder, std::string_view name) {
  std::string path = folder;
  if (!path.ends_with('/')) path += '/';
  return path.append(name);
}

base::Result<ManifestText> read_manifest(const std::string& path, WhileWritten while_written) {
  // Non-blocking: somebody may have put a FIFO there between our stat and our open.
  const OpenFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.fd() < 0) return base::Error("cannot be opened: " + system_message(errno));
  struct stat status {};
  if (fstat(file.fd(), &status) != 0) return base::Error("cannot be read: " + system_message(errno));
  if (!S_ISREG(status.st_mode)) return base::Error("is not a regular file");
  if (while_written == WhileWritten::refuse && has_writer(file.fd())) return ManifestText{{}, {}, true};
  const Signature signature = signature_of(status);
  if (signature.size > kManifestBytesMax) return base::Error(too_large_message());
  auto text = read_to_end(file.fd(), signature.size);
  if (!text) return text.error();
  return ManifestText{std::move(*text), signature};
}

base::Result<std::string> read_standard_input() { return read_to_end(STDIN_FILENO, 64 * 1024); }

FolderWalk::FolderWalk(std::vector<Start> starts) : starts_(std::move(starts)) {
  std::reverse(starts_.begin(), starts_.end());
}

std::optional<Walked> FolderWalk::next() {
  while (true) {
    if (!stack_.empty()) {
      if (auto walked = next_entry()) return walked;
      continue;
    }
    if (starts_.empty()) return std::nullopt;
    const Start start = std::move(starts_.back());
    starts_.pop_back();
    if (auto walked = begin(start)) return walked;
  }
}

std::optional<Walked> FolderWalk::begin(const Start& start) {
  Stood stood = stand_at(start.path);
  switch (stood.what) {
    case Stood::What::folder: return enter(start.path, start.depth);
    case Stood::What::file: return Walked{Walked::What::file, start.path, stood.signature, 0, {}};
    case Stood::What::nothing: return Walked{Walked::What::missing, start.path, {}, 0, "does not exist"};
    case Stood::What::other:
      return Walked{Walked::What::unreadable, start.path, {}, 0, "is neither a folder nor a regular file"};
    case Stood::What::unreadable: break;
  }
  return Walked{Walked::What::unreadable, start.path, {}, 0, "cannot be read: " + stood.why};
}

Walked FolderWalk::enter(std::string path, uint32_t depth) {
  ++folders_;
  Walked walked{Walked::What::folder, path, {}, depth, {}};
  stack_.push_back({std::move(path), depth, nullptr});
  return walked;
}

// None: this entry is nothing of ours, or the listing has come to its end.
std::optional<Walked> FolderWalk::next_entry() {
  Listing& listing = stack_.back();
  if (!listing.entries) {
    listing.entries.reset(opendir(listing.path.c_str()));
    if (!listing.entries) {
      std::string why = "cannot be listed: " + system_message(errno);
      Walked walked{Walked::What::unreadable, listing.path, {}, listing.depth, std::move(why)};
      stack_.pop_back();
      return walked;
    }
  }
  const dirent* entry = readdir(listing.entries.get());
  if (!entry) {
    stack_.pop_back();
    return std::nullopt;
  }
  auto walked = look_at(listing, *entry);
  if (!walked || walked->what != Walked::What::folder) return walked;
  if (folders_ < kManifestFoldersMax) return enter(std::move(walked->path), walked->depth);
  if (told_too_many_) return std::nullopt;
  told_too_many_ = true;
  walked->what = Walked::What::too_many_folders;
  return walked;
}

std::optional<Walked> FolderWalk::look_at(const Listing& listing, const dirent& entry) const {
  const std::string_view name = entry.d_name;
  if (name.starts_with('.')) return std::nullopt;
  const bool named = has_manifest_name(name);
  // Most entries are told apart without a stat; some file systems do not fill d_type in.
  const bool may_be_folder = entry.d_type == DT_DIR || entry.d_type == DT_UNKNOWN;
  if (!named && !may_be_folder) return std::nullopt;
  std::string path = join_path(listing.path, name);
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return std::nullopt;
  if (S_ISDIR(status.st_mode)) {
    if (listing.depth >= kFolderDepthMax) return std::nullopt;
    return Walked{Walked::What::folder, std::move(path), {}, listing.depth + 1, {}};
  }
  if (!named) return std::nullopt;
  if (S_ISLNK(status.st_mode) && stat(path.c_str(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return Walked{Walked::What::file, std::move(path), signature_of(status), 0, {}};
}

}  // namespace narthex::controller
