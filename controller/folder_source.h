// Manifests on disk as a source of objects: reads folders and files, then follows their changes. Owned by main
// (serve), which gives it the loop to run on. THREAD: control. A resource.
//
//   inotify event          a file that is complete (closed, renamed here, linked)  -> read in this turn of the loop
//                          a file with an open writer                              -> nothing until it is closed
//                          gone                                                    -> settles
//                          new folder, swapped ..data, lost events, root changed   -> a pass over that folder (or all)
//   settling, 20 ms        unchanged since it was noted -> read; not there -> its objects go; changed -> settles again
//   slow pass, every 2 s   a file that differs from what was read, but not from the slow pass before -> read;
//                          a file that is not there -> settles; also finds what inotify cannot see (a writer that never
//                          closes, network file systems, folders that come back)
//   pass                   walks in slices; a file replaced as a whole (other inode) -> read; else different -> settles
//
// A root folder that is gone keeps all that it gave, with a FolderGone finding, until it is back. What each content
// means for the objects is decided in manifest_set.h. LIMITs: manifest_files.h; at most 256 files are read per turn of
// the loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/manifest_set.h"

namespace boost::asio {
class io_context;
}

namespace narthex::controller {

struct FolderSourceOptions {
  std::vector<std::string> paths;  // folders, files, "-" for standard input (read once)
  // An editor replaces a file by renaming it away and creating a new one: the name is missing for a moment.
  std::chrono::milliseconds settle{20};
  std::chrono::milliseconds slow_pass{2000};
};

class FolderSource final : public Source {
 public:
  // Deliver is never called with an empty batch but for the first.
  // Reads everything and delivers it once before it returns. Errors: a path that does not exist or cannot be read; one
  // line that names it. REQUIRES: the loop outlives the source.
  static base::Result<std::unique_ptr<FolderSource>> start(boost::asio::io_context& loop, FolderSourceOptions options,
                                                           Deliver deliver);
  ~FolderSource() override;
  FolderSource(const FolderSource&) = delete;
  FolderSource& operator=(const FolderSource&) = delete;

  bool complete() const override { return true; }
  std::string waiting_for() const override { return {}; }
  std::vector<ObjectCount> object_counts() const override;

 private:
  class Following;
  explicit FolderSource(std::shared_ptr<Following> following);
  std::shared_ptr<Following> following_;  // shared with its pending operations on the loop
};

// Everything under the paths, read once, for `narthex check`. Errors as FolderSource::start.
struct ManifestsRead {
  SourceBatch batch;
  std::vector<ObjectCount> objects;
};
base::Result<ManifestsRead> read_manifests(const std::vector<std::string>& paths);

}  // namespace narthex::controller
