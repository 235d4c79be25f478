// What each manifest file gave, and which file speaks for an object that several give: the first in path order. Turns
// new file contents into changes of the store and findings per file. No I/O, no clock. Owned by the folder source.
// THREAD: control. Holds names and fingerprints, not the objects: the store has those, and 100,000 of them twice would
// be felt. So when the file that speaks for an object goes and another takes over, that one has to be put again
// (take_rereads).
//
// Last good state: an object that a file gave before, and that is missing now because the text or the object has
// errors, stays as it was, with a KeptLastGood finding. An object that is missing from a text without such errors is
// gone.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "config/decode.h"
#include "controller/change.h"
#include "controller/source.h"

namespace narthex::controller {

class ManifestSet final {
 public:
  ManifestSet() = default;
  ManifestSet(const ManifestSet&) = delete;
  ManifestSet& operator=(const ManifestSet&) = delete;

  // The file now says this.
  void put(const std::string& file, config::Decoded decoded);
  // The file cannot be read: its objects stay, and this is told instead of what its text led to.
  void fail(const std::string& file, const std::string& reason, const std::string& message);
  // The file is gone.
  void drop(const std::string& file);
  // What there is to say about a source that is no readable file (a folder that is gone); empty takes it back.
  void set_notice(const std::string& source, config::Findings findings);

  // Files that took over an object since the last call: put each of them again before take().
  std::vector<std::string> take_rereads();
  SourceBatch take();

  std::vector<ObjectCount> object_counts() const;

 private:
  static constexpr size_t kKinds = std::variant_size_v<config::Object>;

  struct Ref {
    uint8_t kind = 0;  // index in config::Object
    config::ObjectKey key;
    bool operator==(const Ref&) const = default;
  };
  struct RefHash {
    size_t operator()(const Ref& ref) const { return base::hash(ref.key.name, base::hash(ref.key.ns, ref.kind)); }
  };
  // Who speaks for an object, from which line, and what it said.
  struct Claim {
    const std::string* file = nullptr;  // a key of files_
    uint32_t line = 0;
    uint64_t fingerprint = 0;
  };
  using Claims = std::unordered_map<Ref, Claim, RefHash>;
  using Claimed = Claims::value_type;  // its address stays
  struct Held {
    Claimed* claimed = nullptr;
    uint32_t line = 0;
  };
  struct File {
    std::vector<Held> objects;  // whether or not the file speaks for them
    config::Findings said;      // by the decoder, and KeptLastGood
  };
  using Losers = std::map<std::string, uint32_t>;  // files that give the object too, and the line; never empty

  static config::ObjectRef object_ref(const Ref& ref);
  void claim(const std::string& file, Claimed& claimed, config::Object object);
  void win(const std::string& file, Claimed& claimed, uint32_t line);
  void release(const std::string& file, Claimed& claimed);
  void keep_or_release(const std::string& file, const std::vector<Held>& before, File& now);
  void mark_losers(const Claimed& claimed);
  config::Findings findings_of(const std::string& file) const;

  Claims claims_;
  std::map<std::string, File> files_;
  std::unordered_map<const Claimed*, Losers> losers_;
  std::array<size_t, kKinds> counts_{};

  // Since the last take().
  Changes changes_;
  std::set<std::string> marked_;  // files whose findings may have changed
  std::set<std::string> rereads_;
  std::vector<SourceFindings> notices_;
};

}  // namespace narthex::controller
