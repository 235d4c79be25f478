// inotify, tamed: which folders are watched, and its events as what they mean for manifests. Never blocks, does not
// read files. Owned by the folder source, which waits on fd(). THREAD: control.
// LIMIT: one watch per folder (and per parent of a path that was asked for); the kernel's own bounds on watches and on
// waiting events show as trouble() and as a `lost` event.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace narthex::controller {

struct WatchEvent {
  enum class What {
    written,          // a file is complete: closed after writing, renamed here, or linked here
    writing,          // a file was created or changed, and its writer has not closed it yet
    gone,             // a file was deleted or renamed away
    folder_appeared,  // at `depth`
    folder_gone,      // deleted or renamed away; its watches have been dropped
    swapped,          // a link with a hidden name (..data) was put into the folder `path`: files may lead elsewhere
    root_changed,     // something happened to a folder that was asked for by name
    lost,             // the kernel dropped events: anything may have happened
  } what = What::lost;
  std::string path;
  uint32_t depth = 0;
};

class FolderWatch final {
 public:
  FolderWatch();
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  // -1 where the system gives us no inotify.
  int fd() const { return fd_; }
  // Why something is not watched, or empty.
  const std::string& trouble() const { return trouble_; }

  // Both may be called again at any time: a folder that was replaced meanwhile is watched anew.
  void watch_folder(const std::string& path, uint32_t depth);
  // A path that was asked for by name, watched through the folder that holds it, whether or not it exists just now.
  void watch_root(const std::string& path, bool is_folder);

  // Events that wait, at most about a thousand. False: none wait any more.
  bool read_events(std::vector<WatchEvent>& into);

 private:
  struct Place {
    std::string folder;
    uint32_t depth = 0;
  };
  // What one watch descriptor stands for: the kernel gives one per inode, and several paths may lead to it.
  struct Watched {
    std::vector<Place> contents;
    std::vector<std::string> root_parents;  // prefixes of paths in roots_: "", "/" or "dir/"
    bool unused() const { return contents.empty() && root_parents.empty(); }
  };

  int add(const std::string& path, uint32_t mask);
  void leave(int descriptor, const std::string& folder);
  void leave_below(const std::string& folder);
  void translate(int descriptor, uint32_t mask, std::string_view name, std::vector<WatchEvent>& into);
  void translate_content(const Place& place, uint32_t mask, std::string_view name, std::vector<WatchEvent>& into);
  void translate_root(const std::string& path, uint32_t mask, std::vector<WatchEvent>& into) const;

  int fd_ = -1;
  std::string trouble_;
  std::unordered_map<int, Watched> watched_;
  std::map<std::string, int> descriptor_of_;  // of watched contents; ordered, so that sub-folders stand together
  std::map<std::string, bool> roots_;         // asked for by name; true: a folder
};

}  // namespace narthex::controller
