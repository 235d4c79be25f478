#include "controller/manifest_reader.h"

#include "config/decode.h"

namespace narthex::controller {
namespace {

constexpr const char* kStandardInput = "standard input";  // the file name in findings

}  // namespace

ManifestReader::Loaded ManifestReader::load(const std::string& path, WhileWritten while_written) {
  if (path == kStandardInput && standard_input_) {
    set_.put(path, config::decode_manifest(*standard_input_, path));
    return {};
  }
  const auto known = files_.find(path);
  if (known == files_.end() && full()) return {Outcome::too_many, {}};
  auto manifest = read_manifest(path, while_written);
  if (!manifest) {
    const Stood stood = stand_at(path);
    const bool is_there = stood.what == Stood::What::file || stood.what == Stood::What::unreadable;
    if (!is_there) return {Outcome::gone, manifest.error().message()};
    fail(path, manifest.error().message());
    return {Outcome::unreadable, manifest.error().message()};
  }
  if (manifest->being_written) return {Outcome::being_written, {}};
  (known == files_.end() ? files_[path] : known->second).read = manifest->signature;
  set_.put(path, config::decode_manifest(manifest->text, path));
  return {};
}

void ManifestReader::fail(const std::string& path, const std::string& why) {
  files_[path].read.reset();  // tried again when the slow pass comes by
  set_.fail(path, "FileUnreadable", why);
}

void ManifestReader::drop(const std::string& path) {
  files_.erase(path);
  set_.drop(path);
}

ManifestReader::Loaded ManifestReader::load_standard_input() {
  auto text = read_standard_input();
  if (!text) return {Outcome::unreadable, text.error().message()};
  standard_input_ = std::move(*text);
  return load(kStandardInput);
}

ManifestReader::Known* ManifestReader::find(const std::string& path) {
  const auto known = files_.find(path);
  return known == files_.end() ? nullptr : &known->second;
}

std::vector<std::string> ManifestReader::unvisited(const std::string& path, uint64_t pass) const {
  std::vector<std::string> paths;
  const std::string prefix = join_path(path, "");
  // "dir-2/a" stands between "dir" and "dir/a".
  for (auto known = files_.lower_bound(path); known != files_.end() && known->first.starts_with(path); ++known) {
    const bool within = known->first.size() == path.size() || known->first.starts_with(prefix);
    if (within && known->second.visited < pass) paths.push_back(known->first);
  }
  return paths;
}

SourceBatch ManifestReader::take() {
  // Ends: a file that is read again can only hand objects on to files that come later in path order.
  for (auto files = set_.take_rereads(); !files.empty(); files = set_.take_rereads()) {
    for (const std::string& file : files) load(file);
  }
  return set_.take();
}

}  // namespace narthex::controller
