// A folder source on a loop of its own, with what it delivered applied to a plain model. A resource of one test; one
// thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/folder_source.h"
#include "test/support/manifests.h"

namespace narthex::test {

// A ConfigMap document: the plainest object with a content.
std::string config_map(const std::string& name, const std::string& value);

// "ConfigMap default/a" -> its value `v`, of the objects that these changes leave behind.
using Model = std::map<std::string, std::string>;
void play(const controller::Changes& changes, Model& model);

class FollowedFolder final {
 public:
  // Slow passes never come unless they are asked for, so that a test sees what events alone do.
  static controller::FolderSourceOptions patient();

  explicit FollowedFolder(controller::FolderSourceOptions options = patient());
  // Begins to follow `paths`, by default the folder.
  void start(std::vector<std::string> paths = {});
  void stop() { source_.reset(); }

  // Runs the loop until it holds, or fails the test.
  void run_until(const std::function<bool()>& holds);
  // Until the object has that value.
  void run_until(const std::string& name, const std::string& value);
  void run_until_gone(const std::string& name);
  // Runs until all events so far have been taken: a marker file is written and waited for.
  void run_marker();

  std::string value(const std::string& name) const;  // "" where there is none
  bool has_finding(const std::string& reason) const;
  std::string findings() const;  // all, one per line
  // How many delivered changes were about this object.
  size_t changes_of(const std::string& name) const;
  controller::FolderSource& source() { return *source_; }

  ManifestFolder folder;
  boost::asio::io_context loop;
  Model model;
  size_t batches = 0;

 private:
  controller::FolderSourceOptions options_;
  std::map<std::string, config::Findings> findings_;
  std::map<std::string, size_t> changes_;
  std::unique_ptr<controller::FolderSource> source_;
  int markers_ = 0;
};

}  // namespace narthex::test
