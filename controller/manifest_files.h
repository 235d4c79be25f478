// Manifests on disk: which files of a folder count, how a file is recognised as changed, and reading one within bounds.
// Used by the folder source. THREAD: control.
// What counts: *.yaml, *.yml, *.json; names that start with '.' do not (Kubernetes' ..data, editors' swap files).
// Symbolic links to files are followed, symbolic links to folders are not (they may go round in circles).
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace narthex::controller {

inline constexpr size_t kManifestBytesMax = 64u << 20;  // LIMIT: a larger file is a finding
inline constexpr size_t kManifestFilesMax = 100'000;    // LIMIT: further files are not read, which is a finding
inline constexpr size_t kManifestFoldersMax = 10'000;   // LIMIT: likewise
inline constexpr uint32_t kFolderDepthMax = 8;          // LIMIT: sub-folders of sub-folders

// What stat(2) says of a file's content. Equal signatures: the same content, for all that can be known without reading.
struct Signature {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const Signature&) const = default;
  // The same file, or another one that was put in its place as a whole?
  bool same_file(const Signature& other) const { return device == other.device && inode == other.inode; }
};

// What stands at a path, symbolic links followed.
struct Stood {
  enum class What { nothing, file, folder, other, unreadable } what = What::nothing;
  Signature signature;
  std::string why;  // for `unreadable`: what the system said
};
Stood stand_at(const std::string& path);

bool has_manifest_name(std::string_view name);
// "dir/name"; a `folder` that ends in '/' gets no second one.
std::string join_path(const std::string& folder, std::string_view name);

struct ManifestText {
  std::string text;
  Signature signature;  // taken before reading, so that a write during reading shows later
  bool being_written = false;  // somebody has it open for writing: no text
};
// Half of a file may be valid YAML, and an empty one is: with `refuse` a file that somebody has open for writing is
// not read, and one that is being read cannot be opened for writing until that is done (a read lease, where the file
// system and our rights allow one).
enum class WhileWritten { read, refuse };
base::Result<ManifestText> read_manifest(const std::string& path, WhileWritten while_written);
base::Result<std::string> read_standard_input();

// One step of a walk.
struct Walked {
  enum class What { file, folder, missing, unreadable, too_many_folders } what = What::file;
  std::string path;
  Signature signature;  // of a file
  uint32_t depth = 0;   // of a folder: 0 for the one the walk started at
  std::string why;      // for missing and unreadable
};

// Goes through folders and files one entry at a time, so that a big tree can be walked in slices. A folder is told
// before its entries are listed, so that a watch can be set up first. A resource.
class FolderWalk final {
 public:
  struct Start {
    std::string path;
    uint32_t depth = 0;
  };
  explicit FolderWalk(std::vector<Start> starts);
  FolderWalk(const FolderWalk&) = delete;
  FolderWalk& operator=(const FolderWalk&) = delete;

  // The next step; none at the end.
  std::optional<Walked> next();

 private:
  struct CloseFolder {
    void operator()(DIR* folder) const { closedir(folder); }
  };
  struct Listing {
    std::string path;
    uint32_t depth = 0;
    std::unique_ptr<DIR, CloseFolder> entries;  // opened when its first entry is asked for
  };

  std::optional<Walked> begin(const Start& start);
  std::optional<Walked> next_entry();
  std::optional<Walked> look_at(const Listing& listing, const dirent& entry) const;
  Walked enter(std::string path, uint32_t depth);

  std::vector<Start> starts_;    // in reverse order
  std::vector<Listing> stack_;   // at most kFolderDepthMax + 1
  size_t folders_ = 0;
  bool told_too_many_ = false;
};

}  // namespace narthex::controller
