#include "test/controller/followed_folder.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "test/support/patience.h"

namespace narthex::test {
namespace {

std::string full_name(const std::string& name) { return "ConfigMap default/" + name; }

}  // namespace

std::string config_map(const std::string& name, const std::string& value) {
  return fmt::format("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\ndata:\n  v: \"{}\"\n", name, value);
}

void play(const controller::Changes& changes, Model& model) {
  for (const controller::Change& change : changes) {
    const std::string name = fmt::format("{} {}/{}", change.ref.kind, change.ref.ns, change.ref.name);
    if (!change.object) {
      // A removal of what is not there would hide that something was delivered twice.
      CHECK(model.erase(name) == 1);
      continue;
    }
    const auto* map = std::get_if<config::ConfigMap>(&*change.object);
    model[name] = map && map->data.contains("v") ? map->data.at("v") : "";
  }
}

controller::FolderSourceOptions FollowedFolder::patient() {
  controller::FolderSourceOptions options;
  options.slow_pass = std::chrono::hours(1);
  return options;
}

FollowedFolder::FollowedFolder(controller::FolderSourceOptions options) : options_(std::move(options)) {}

void FollowedFolder::start(std::vector<std::string> paths) {
  options_.paths = paths.empty() ? std::vector<std::string>{folder.path().string()} : std::move(paths);
  auto source = controller::FolderSource::start(loop, options_, [this](controller::SourceBatch batch) {
    ++batches;
    for (const controller::Change& change : batch.changes) ++changes_[change.ref.name];
    play(batch.changes, model);
    for (controller::SourceFindings& from : batch.findings) findings_[from.source] = std::move(from.findings);
  });
  if (!source) FAIL(source.error().message());
  source_ = std::move(*source);
}

void FollowedFolder::run_until(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!holds()) {
    loop.restart();
    if (std::chrono::steady_clock::now() > deadline) FAIL("it does not come about; findings:\n" << findings());
    loop.run_one_for(std::chrono::milliseconds(100));
  }
}

void FollowedFolder::run_until(const std::string& name, const std::string& wanted) {
  INFO("waiting for " << name << " = " << wanted);
  run_until([&] { return value(name) == wanted; });
}

void FollowedFolder::run_until_gone(const std::string& name) {
  INFO("waiting for the end of " << name);
  run_until([&] { return !model.contains(full_name(name)); });
}

void FollowedFolder::run_marker() {
  const std::string count = std::to_string(++markers_);
  folder.write("zz-marker.yaml", config_map("zz-marker", count));
  run_until("zz-marker", count);
}

std::string FollowedFolder::value(const std::string& name) const {
  const auto entry = model.find(full_name(name));
  return entry == model.end() ? "" : entry->second;
}

bool FollowedFolder::has_finding(const std::string& reason) const {
  for (const auto& [source, findings] : findings_) {
    for (const config::Finding& finding : findings) {
      if (finding.reason == reason) return true;
    }
  }
  return false;
}

std::string FollowedFolder::findings() const {
  std::string text;
  for (const auto& [source, findings] : findings_) {
    for (const config::Finding& finding : findings) text += config::to_text(finding) + '\n';
  }
  return text;
}

size_t FollowedFolder::changes_of(const std::string& name) const {
  const auto entry = changes_.find(name);
  return entry == changes_.end() ? 0 : entry->second;
}

}  // namespace narthex::test
