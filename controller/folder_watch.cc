#include "controller/folder_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "controller/manifest_files.h"

namespace narthex::controller {
namespace {

constexpr uint32_t kNameEvents = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
// A root is seen through its parent, which may be as busy as /tmp: no IN_MODIFY there.
constexpr uint32_t kParentEvents = kNameEvents | IN_CLOSE_WRITE | IN_ONLYDIR | IN_MASK_ADD;
constexpr uint32_t kFolderEvents = kNameEvents | IN_CLOSE_WRITE | IN_MODIFY | IN_ONLYDIR | IN_MASK_ADD;

enum class NewFile { symbolic_link, linked, created, other };

// What an IN_CREATE was about. A hard link or a symbolic link is complete at once; a file just created is not.
NewFile kind_of_new(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return NewFile::other;
  if (S_ISLNK(status.st_mode)) return NewFile::symbolic_link;
  if (!S_ISREG(status.st_mode)) return NewFile::other;
  return status.st_nlink > 1 ? NewFile::linked : NewFile::created;
}

// The event for a file that counts, whatever it is called.
void translate_file(const std::string& path, uint32_t mask, std::vector<WatchEvent>& into) {
  using What = WatchEvent::What;
  if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) {
    into.push_back({What::written, path, 0});
  } else if (mask & (IN_DELETE | IN_MOVED_FROM)) {
    into.push_back({What::gone, path, 0});
  } else if (mask & IN_MODIFY) {
    into.push_back({What::writing, path, 0});
  } else if (mask & IN_CREATE) {
    const NewFile kind = kind_of_new(path);
    if (kind == NewFile::created) into.push_back({What::writing, path, 0});
    if (kind == NewFile::linked || kind == NewFile::symbolic_link) into.push_back({What::written, path, 0});
  }
}

// "dir/" for "dir/shop.yaml", "/" for "/shop.yaml", "" for "shop.yaml".
std::string parent_prefix(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

}  // namespace

FolderWatch::FolderWatch() : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (fd_ < 0) trouble_ = std::string("inotify is not available: ") + std::strerror(errno);
}

FolderWatch::~FolderWatch() {
  if (fd_ >= 0) close(fd_);
}

void FolderWatch::watch_folder(const std::string& path, uint32_t depth) {
  const int descriptor = add(path, kFolderEvents);
  const auto known = descriptor_of_.find(path);
  if (known != descriptor_of_.end()) {
    if (known->second == descriptor) return;
    leave(known->second, path);
    descriptor_of_.erase(known);
  }
  if (descriptor < 0) return;
  descriptor_of_.emplace(path, descriptor);
  watched_[descriptor].contents.push_back({path, depth});
}

void FolderWatch::watch_root(const std::string& path, bool is_folder) {
  roots_.insert_or_assign(path, is_folder);
  std::string prefix = parent_prefix(path);
  const int descriptor = add(prefix.empty() ? "." : prefix, kParentEvents);
  if (descriptor < 0) return;
  auto& parents = watched_[descriptor].root_parents;
  if (std::find(parents.begin(), parents.end(), prefix) == parents.end()) parents.push_back(std::move(prefix));
}

bool FolderWatch::read_events(std::vector<WatchEvent>& into) {
  // 64 KiB hold about 1300 events with names of 32 bytes.
  alignas(inotify_event) std::array<char, 64 * 1024> buffer;
  if (fd_ < 0) return false;
  const ssize_t got = read(fd_, buffer.data(), buffer.size());
  if (got <= 0) return got < 0 && errno == EINTR;
  for (size_t at = 0; at < static_cast<size_t>(got);) {
    inotify_event event;
    std::memcpy(&event, buffer.data() + at, sizeof event);
    const char* name = buffer.data() + at + sizeof event;
    translate(event.wd, event.mask, std::string_view(name, event.len ? strnlen(name, event.len) : 0), into);
    at += sizeof event + event.len;
  }
  return true;
}

int FolderWatch::add(const std::string& path, uint32_t mask) {
  if (fd_ < 0) return -1;
  const int descriptor = inotify_add_watch(fd_, path.c_str(), mask);
  if (descriptor < 0 && errno == ENOSPC) {
    trouble_ = "the system's bound on inotify watches is reached (sysctl fs.inotify.max_user_watches)";
  }
  return descriptor;
}

// `folder` is not watched through this descriptor any more.
void FolderWatch::leave(int descriptor, const std::string& folder) {
  const auto entry = watched_.find(descriptor);
  if (entry == watched_.end()) return;
  std::erase_if(entry->second.contents, [&](const Place& place) { return place.folder == folder; });
  if (!entry->second.unused()) return;
  watched_.erase(entry);
  inotify_rm_watch(fd_, descriptor);
}

void FolderWatch::leave_below(const std::string& folder) {
  const std::string prefix = join_path(folder, "");
  for (auto entry = descriptor_of_.lower_bound(folder); entry != descriptor_of_.end();) {
    const bool below = entry->first == folder || entry->first.starts_with(prefix);
    // "dir-2" stands between "dir" and "dir/sub".
    if (!below && !entry->first.starts_with(folder)) break;
    if (below) leave(entry->second, entry->first);
    entry = below ? descriptor_of_.erase(entry) : std::next(entry);
  }
}

void FolderWatch::translate(int descriptor, uint32_t mask, std::string_view name, std::vector<WatchEvent>& into) {
  if (mask & IN_Q_OVERFLOW) {
    into.push_back({WatchEvent::What::lost, {}, 0});
    return;
  }
  const auto entry = watched_.find(descriptor);
  if (entry == watched_.end()) return;
  if (mask & IN_IGNORED) {
    for (const Place& place : entry->second.contents) descriptor_of_.erase(place.folder);
    watched_.erase(entry);
    return;
  }
  if (name.empty()) return;
  // A copy: folders that go take their entries with them.
  const Watched watched = entry->second;
  for (const std::string& prefix : watched.root_parents) translate_root(prefix + std::string(name), mask, into);
  for (const Place& place : watched.contents) translate_content(place, mask, name, into);
}

void FolderWatch::translate_root(const std::string& path, uint32_t mask, std::vector<WatchEvent>& into) const {
  const auto root = roots_.find(path);
  if (root == roots_.end()) return;
  if (!root->second) {
    translate_file(path, mask, into);
  } else if (mask & kNameEvents) {
    into.push_back({WatchEvent::What::root_changed, path, 0});
  }
}

void FolderWatch::translate_content(const Place& place, uint32_t mask, std::string_view name,
                                    std::vector<WatchEvent>& into) {
  const std::string path = join_path(place.folder, name);
  if (name.starts_with('.')) {
    const bool arrived = !(mask & IN_ISDIR) && (mask & (IN_MOVED_TO | IN_CREATE));
    if (arrived && kind_of_new(path) == NewFile::symbolic_link) {
      into.push_back({WatchEvent::What::swapped, place.folder, place.depth});
    }
    return;
  }
  if (mask & IN_ISDIR) {
    if (mask & (IN_CREATE | IN_MOVED_TO)) {
      if (place.depth < kFolderDepthMax) into.push_back({WatchEvent::What::folder_appeared, path, place.depth + 1});
    } else if (mask & (IN_DELETE | IN_MOVED_FROM)) {
      leave_below(path);
      into.push_back({WatchEvent::What::folder_gone, path, 0});
    }
    return;
  }
  if (has_manifest_name(name)) translate_file(path, mask, into);
}

}  // namespace narthex::controller
