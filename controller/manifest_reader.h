// Reads manifest files into a ManifestSet and remembers which state of each file was read. Owned by the folder source.
// THREAD: control; reading blocks it for as long as the disk takes. LIMIT: kManifestFilesMax files are known at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/manifest_files.h"
#include "controller/manifest_set.h"

namespace narthex::controller {

class ManifestReader final {
 public:
  // A file that was read, or tried.
  struct Known {
    std::optional<Signature> read;  // none: it could not be read
    uint64_t visited = 0;           // the last pass that met it
  };
  enum class Outcome { read, gone, unreadable, too_many, being_written };  // gone: or no regular file
  struct Loaded {
    Outcome outcome = Outcome::read;
    std::string why;  // where it was not read
  };

  ManifestReader() = default;
  ManifestReader(const ManifestReader&) = delete;
  ManifestReader& operator=(const ManifestReader&) = delete;

  Loaded load(const std::string& path, WhileWritten while_written = WhileWritten::read);
  // The file is there, but not for us.
  void fail(const std::string& path, const std::string& why);
  void drop(const std::string& path);
  Loaded load_standard_input();

  Known* find(const std::string& path);
  // Known files that stand at `path` or below, and were last met by an earlier pass than `pass`.
  std::vector<std::string> unvisited(const std::string& path, uint64_t pass) const;
  bool full() const { return files_.size() >= kManifestFilesMax; }

  ManifestSet& set() { return set_; }
  const ManifestSet& set() const { return set_; }
  // What changed since the last call, other files read again where they took over an object.
  SourceBatch take();

 private:
  std::map<std::string, Known> files_;
  std::optional<std::string> standard_input_;  // kept: it cannot be read twice
  ManifestSet set_;
};

}  // namespace narthex::controller
