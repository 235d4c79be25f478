#include "controller/folder_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <set>

#include "base/log.h"
#include "controller/folder_watch.h"
#include "controller/manifest_files.h"
#include "controller/manifest_reader.h"

namespace narthex::controller {
namespace {

namespace asio = boost::asio;
namespace log = base::log;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr size_t kFilesPerTurn = 256;    // decoding one takes about 50 us, so a turn stays below some 15 ms
constexpr size_t kEntriesPerTurn = 256;  // of a pass: about 1 ms of stat(2)
constexpr int kReadsPerTurn = 16;        // of inotify events, 64 KiB each
// Passes take at most a twentieth of the thread's time, however many files there are.
constexpr int kPassShare = 20;

struct Root {
  std::string path;
  bool is_folder = false;
};

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

base::Error unusable(const std::string& path, const std::string& why) {
  return base::Error(
      fmt::format("manifests at {}: {}; give a folder or a file that exists and can be read", path, why));
}

bool is_below(const std::string& path, const std::string& folder) { return path.starts_with(join_path(folder, "")); }

// The paths that are not "-", each once.
base::Result<std::vector<Root>> find_roots(const std::vector<std::string>& paths) {
  std::vector<Root> roots;
  for (const std::string& given : paths) {
    if (given == "-") continue;
    const std::string path = without_trailing_slashes(given);
    if (std::any_of(roots.begin(), roots.end(), [&](const Root& root) { return root.path == path; })) continue;
    const Stood stood = stand_at(path);
    if (stood.what == Stood::What::nothing) return unusable(given, "does not exist");
    if (stood.what == Stood::What::other) return unusable(given, "is neither a folder nor a regular file");
    if (stood.what == Stood::What::unreadable) return unusable(given, stood.why);
    roots.push_back({path, stood.what == Stood::What::folder});
  }
  return roots;
}

// Reads all that stands under one root. `meet` is told of folders before they are listed, and of what is not read.
base::Result<void> read_root(const Root& root, ManifestReader& reader, const std::function<void(const Walked&)>& meet) {
  FolderWalk walk({{root.path, 0}});
  while (const auto walked = walk.next()) {
    const bool is_root = walked->path == root.path;
    if (walked->what != Walked::What::file) {
      if (is_root && walked->what != Walked::What::folder) return unusable(root.path, walked->why);
      meet(*walked);
      continue;
    }
    const auto loaded = reader.load(walked->path);
    if (loaded.outcome == ManifestReader::Outcome::too_many) meet(*walked);
    if (is_root && loaded.outcome != ManifestReader::Outcome::read) return unusable(root.path, loaded.why);
  }
  return {};
}

base::Result<void> read_all(const std::vector<std::string>& paths, const std::vector<Root>& roots,
                            ManifestReader& reader, const std::function<void(const Walked&)>& meet) {
  if (std::find(paths.begin(), paths.end(), "-") != paths.end()) {
    const auto loaded = reader.load_standard_input();
    if (loaded.outcome != ManifestReader::Outcome::read) return unusable("-", loaded.why);
  }
  for (const Root& root : roots) {
    const auto read = read_root(root, reader, meet);
    if (!read) return read.error();
  }
  return {};
}

// What there is to say about a step of a walk that led to nothing that is read.
config::Finding finding_about(const Walked& walked, bool is_root_folder) {
  std::string reason = "FolderUnreadable";
  std::string message = walked.why;
  if (walked.what == Walked::What::missing) {
    reason = is_root_folder ? "FolderGone" : "FileGone";
    if (is_root_folder) message += "; all that it gave stays as it was last read until it is back";
  } else if (walked.what == Walked::What::too_many_folders) {
    reason = "TooManyFolders";
    message = fmt::format("is not read: only {} folders are; put the manifests into fewer", kManifestFoldersMax);
  } else if (walked.what == Walked::What::file) {
    reason = "TooManyFiles";
    message = fmt::format("is not read, nor are others: only {} files are; put several objects into one",
                          kManifestFilesMax);
  }
  return {config::Severity::refused, std::move(reason), {}, "", std::move(message), {walked.path, 0}};
}

}  // namespace

// The live part: what FolderSource's header draws. Operations on the loop share it, and do nothing once it was stopped.
class FolderSource::Following final : public std::enable_shared_from_this<Following> {
 public:
  Following(asio::io_context& loop, FolderSourceOptions options, Deliver deliver)
      : loop_(loop), options_(std::move(options)), deliver_(std::move(deliver)), events_(loop), settle_timer_(loop),
        slow_timer_(loop) {}

  base::Result<void> begin();
  void stop();
  const ManifestSet& set() const { return reader_.set(); }

 private:
  struct Pass {
    Pass(uint64_t pass_number, bool is_slow, std::vector<FolderWalk::Start> starts)
        : number(pass_number), slow(is_slow), scopes(starts), walk(std::move(starts)) {}
    uint64_t number;
    bool slow;
    std::vector<FolderWalk::Start> scopes;
    FolderWalk walk;
    SteadyTime started = std::chrono::steady_clock::now();
  };
  struct Settling {
    SteadyTime due;
    std::optional<Signature> noted;  // none: it was gone
  };
  // Something about a path that is no file we read: told once, and taken back when a pass does not meet it any more.
  struct Trouble {
    std::string why;
    uint64_t pass = 0;
  };

  void wait_for_events();
  void take_events();
  void handle(const WatchEvent& event);
  void forget_folder(const std::string& path);

  void settle(const std::string& path, std::optional<Signature> noted);
  void arm_settle_timer();
  void settle_due();
  void settle_one(const std::string& path, const Settling& settling);

  void want_pass(const std::string& path, uint32_t depth) { wanted_.insert_or_assign(path, depth); }
  void want_full_pass();
  void begin_wanted_pass();
  void wait_for_slow_pass(SteadyTime::duration delay);
  void continue_pass(std::unique_ptr<Pass>& pass);
  void step(Pass& pass, const Walked& walked);
  void meet_file(Pass& pass, const Walked& walked);
  void end_pass(const Pass& pass);
  bool root_is_gone(const std::string& path) const;
  void tell_trouble(const Walked& walked, uint64_t pass);
  void take_back_troubles(const Pass& pass);
  void tell_watch_trouble();

  void work();
  void load(const std::string& path);

  asio::io_context& loop_;
  const FolderSourceOptions options_;
  const Deliver deliver_;
  ManifestReader reader_;
  FolderWatch watch_;
  std::vector<Root> roots_;
  bool stopped_ = false;

  asio::posix::stream_descriptor events_;
  asio::steady_timer settle_timer_, slow_timer_;
  std::set<std::string> dirty_;              // to be read
  bool work_posted_ = false;
  std::set<std::string> writing_;            // have an open writer, as far as we know; read when that one closes them
  std::set<std::string> at_rest_;            // of dirty_: unchanged for so long that an open writer does not matter
  std::map<std::string, Settling> settling_;
  std::map<std::string, Signature> differing_;  // as the last slow pass met them, not read yet
  uint64_t passes_ = 0;
  std::unique_ptr<Pass> quick_, slow_;
  std::map<std::string, uint32_t> wanted_;   // folders for the next quick pass, with their depths
  std::map<std::string, Trouble> troubles_;
  std::string too_many_;                     // the path in troubles_ that stands for all files above the limit
  std::string watch_trouble_;
};

base::Result<std::unique_ptr<FolderSource>> FolderSource::start(asio::io_context& loop, FolderSourceOptions options,
                                                                Deliver deliver) {
  auto following = std::make_shared<Following>(loop, std::move(options), std::move(deliver));
  std::unique_ptr<FolderSource> source(new FolderSource(following));
  const auto begun = following->begin();
  if (!begun) return begun.error();
  return source;
}

FolderSource::FolderSource(std::shared_ptr<Following> following) : following_(std::move(following)) {}

FolderSource::~FolderSource() { following_->stop(); }

std::vector<ObjectCount> FolderSource::object_counts() const { return following_->set().object_counts(); }

base::Result<ManifestsRead> read_manifests(const std::vector<std::string>& paths) {
  const auto roots = find_roots(paths);
  if (!roots) return roots.error();
  ManifestReader reader;
  config::Findings notices;
  const auto read = read_all(paths, *roots, reader, [&](const Walked& walked) {
    const bool told = walked.what == Walked::What::file && reader.full() && !notices.empty() &&
                      notices.back().reason == "TooManyFiles";
    if (walked.what != Walked::What::folder && !told) notices.push_back(finding_about(walked, false));
  });
  if (!read) return read.error();
  SourceBatch batch = reader.take();
  batch.findings.push_back({"manifests", std::move(notices)});
  return ManifestsRead{std::move(batch), reader.set().object_counts()};
}

base::Result<void> FolderSource::Following::begin() {
  auto roots = find_roots(options_.paths);
  if (!roots) return roots.error();
  roots_ = std::move(*roots);
  for (const Root& root : roots_) watch_.watch_root(root.path, root.is_folder);
  Pass first(++passes_, true, {});
  const auto read = read_all(options_.paths, roots_, reader_, [&](const Walked& walked) {
    walked.what == Walked::What::file ? tell_trouble(walked, first.number) : step(first, walked);
  });
  if (!read) return read.error();
  tell_watch_trouble();
  deliver_(reader_.take());
  if (roots_.empty()) return {};  // standard input alone: nothing to follow
  if (watch_.fd() >= 0) {
    events_.assign(watch_.fd());
    wait_for_events();
  }
  wait_for_slow_pass(options_.slow_pass);
  return {};
}

void FolderSource::Following::stop() {
  stopped_ = true;
  settle_timer_.cancel();
  slow_timer_.cancel();
  // The descriptor belongs to watch_.
  if (events_.is_open()) events_.release();
}

void FolderSource::Following::wait_for_events() {
  events_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!self->stopped_ && !error) self->take_events();
                     });
}

void FolderSource::Following::take_events() {
  std::vector<WatchEvent> events;
  int reads = 0;
  while (reads < kReadsPerTurn && watch_.read_events(events)) ++reads;
  for (const WatchEvent& event : events) handle(event);
  begin_wanted_pass();
  work();
  if (reads < kReadsPerTurn) {
    wait_for_events();
    return;
  }
  asio::post(loop_, [self = shared_from_this()] {
    if (!self->stopped_) self->take_events();
  });
}

void FolderSource::Following::handle(const WatchEvent& event) {
  switch (event.what) {
    case WatchEvent::What::written:
      writing_.erase(event.path);
      dirty_.insert(event.path);
      return;
    case WatchEvent::What::writing:
      if (writing_.size() < kManifestFilesMax) writing_.insert(event.path);
      return;
    case WatchEvent::What::gone:
      writing_.erase(event.path);
      dirty_.erase(event.path);
      if (reader_.find(event.path)) settle(event.path, std::nullopt);
      return;
    case WatchEvent::What::folder_gone: forget_folder(event.path); return;
    case WatchEvent::What::folder_appeared:
    case WatchEvent::What::swapped:
    case WatchEvent::What::root_changed: want_pass(event.path, event.depth); return;
    case WatchEvent::What::lost:
      writing_.clear();
      want_full_pass();
      return;
  }
}

void FolderSource::Following::forget_folder(const std::string& path) {
  std::erase_if(writing_, [&](const std::string& file) { return is_below(file, path); });
  for (const std::string& file : reader_.unvisited(path, passes_ + 1)) settle(file, std::nullopt);
}

void FolderSource::Following::settle(const std::string& path, std::optional<Signature> noted) {
  settling_.insert_or_assign(path, Settling{std::chrono::steady_clock::now() + options_.settle, noted});
  // An armed timer is due earlier, and looks again.
  if (settling_.size() == 1) arm_settle_timer();
}

void FolderSource::Following::arm_settle_timer() {
  if (settling_.empty()) return;
  SteadyTime due = SteadyTime::max();
  for (const auto& [path, settling] : settling_) due = std::min(due, settling.due);
  settle_timer_.expires_at(due);
  settle_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (self->stopped_ || error) return;
    self->settle_due();
    self->work();
  });
}

void FolderSource::Following::settle_due() {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::map<std::string, Settling> due;
  for (auto entry = settling_.begin(); entry != settling_.end();) {
    const auto here = entry++;
    if (here->second.due <= now) due.insert(settling_.extract(here));
  }
  for (const auto& [path, settling] : due) settle_one(path, settling);
  arm_settle_timer();
}

void FolderSource::Following::settle_one(const std::string& path, const Settling& settling) {
  const Stood stood = stand_at(path);
  const ManifestReader::Known* known = reader_.find(path);
  switch (stood.what) {
    case Stood::What::nothing:
    case Stood::What::folder:
    case Stood::What::other:
      if (known && !root_is_gone(path)) reader_.drop(path);
      return;
    case Stood::What::unreadable:
      if (known) reader_.fail(path, "cannot be read: " + stood.why);
      return;
    case Stood::What::file: break;
  }
  if (writing_.contains(path)) return;  // read when it is closed
  if (known && known->read == stood.signature) return;
  if (settling.noted == stood.signature) {
    dirty_.insert(path);
  } else {
    settle(path, stood.signature);
  }
}

void FolderSource::Following::want_full_pass() {
  for (const Root& root : roots_) want_pass(root.path, 0);
}

void FolderSource::Following::begin_wanted_pass() {
  if (quick_ || wanted_.empty()) return;
  std::vector<FolderWalk::Start> starts;
  for (const auto& [path, depth] : wanted_) starts.push_back({path, depth});
  wanted_.clear();
  quick_ = std::make_unique<Pass>(++passes_, false, std::move(starts));
  continue_pass(quick_);
}

void FolderSource::Following::wait_for_slow_pass(SteadyTime::duration delay) {
  slow_timer_.expires_after(delay);
  slow_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (self->stopped_ || error) return;
    std::vector<FolderWalk::Start> starts;
    for (const Root& root : self->roots_) {
      starts.push_back({root.path, 0});
      self->watch_.watch_root(root.path, root.is_folder);
    }
    self->slow_ = std::make_unique<Pass>(++self->passes_, true, std::move(starts));
    self->continue_pass(self->slow_);
    self->work();
  });
}

// One slice; the rest in later turns of the loop, so that events are not kept waiting.
void FolderSource::Following::continue_pass(std::unique_ptr<Pass>& pass) {
  for (size_t entries = 0; entries < kEntriesPerTurn; ++entries) {
    const auto walked = pass->walk.next();
    if (walked) {
      step(*pass, *walked);
      continue;
    }
    const std::unique_ptr<Pass> ended = std::move(pass);
    end_pass(*ended);
    return;
  }
  asio::post(loop_, [self = shared_from_this(), &pass] {
    if (self->stopped_) return;
    self->continue_pass(pass);
    self->work();
  });
}

void FolderSource::Following::step(Pass& pass, const Walked& walked) {
  switch (walked.what) {
    case Walked::What::folder: watch_.watch_folder(walked.path, walked.depth); return;
    case Walked::What::file: meet_file(pass, walked); return;
    case Walked::What::missing: {
      // A sub-folder that came and went again is nothing to tell.
      const auto is_this = [&](const Root& root) { return root.path == walked.path; };
      if (std::any_of(roots_.begin(), roots_.end(), is_this)) tell_trouble(walked, pass.number);
      return;
    }
    case Walked::What::unreadable:
    case Walked::What::too_many_folders: tell_trouble(walked, pass.number); return;
  }
}

void FolderSource::Following::meet_file(Pass& pass, const Walked& walked) {
  ManifestReader::Known* known = reader_.find(walked.path);
  if (known) known->visited = std::max(known->visited, pass.number);
  if (known && known->read == walked.signature) {
    differing_.erase(walked.path);
    return;
  }
  if (!known && reader_.full()) {
    tell_trouble(walked, pass.number);
    return;
  }
  if (pass.slow) {
    const auto [before, is_first] = differing_.try_emplace(walked.path, walked.signature);
    const bool at_rest = !is_first && before->second == walked.signature;
    before->second = walked.signature;
    if (at_rest) {
      dirty_.insert(walked.path);
      at_rest_.insert(walked.path);
    }
    return;
  }
  if (writing_.contains(walked.path)) return;
  if (known && known->read && !known->read->same_file(walked.signature)) {
    dirty_.insert(walked.path);
  } else if (!settling_.contains(walked.path)) {
    settle(walked.path, walked.signature);
  }
}

void FolderSource::Following::end_pass(const Pass& pass) {
  for (const FolderWalk::Start& scope : pass.scopes) {
    if (stand_at(scope.path).what == Stood::What::nothing && root_is_gone(join_path(scope.path, ""))) continue;
    for (const std::string& path : reader_.unvisited(scope.path, pass.number)) {
      if (!settling_.contains(path)) settle(path, std::nullopt);
    }
  }
  take_back_troubles(pass);
  tell_watch_trouble();
  if (pass.slow) {
    const auto took = std::chrono::steady_clock::now() - pass.started;
    wait_for_slow_pass(std::max<SteadyTime::duration>(options_.slow_pass, took * kPassShare));
  } else {
    begin_wanted_pass();
  }
}

// Is this file's root a folder that does not exist just now?
bool FolderSource::Following::root_is_gone(const std::string& path) const {
  bool gone = false;
  for (const Root& root : roots_) {
    if (root.is_folder ? !is_below(path, root.path) : path != root.path) continue;
    if (!root.is_folder || stand_at(root.path).what == Stood::What::folder) return false;
    gone = true;
  }
  return gone;
}

void FolderSource::Following::tell_trouble(const Walked& walked, uint64_t pass) {
  const bool is_folder = std::any_of(roots_.begin(), roots_.end(),
                                     [&](const Root& root) { return root.path == walked.path && root.is_folder; });
  const config::Finding finding = finding_about(walked, is_folder);
  // Of all the files too many one is named.
  std::string path = walked.path;
  if (walked.what == Walked::What::file) path = too_many_ = too_many_.empty() ? path : too_many_;
  Trouble& trouble = troubles_[path];
  trouble.pass = std::max(trouble.pass, pass);
  if (trouble.why == finding.message) return;
  trouble.why = finding.message;
  // A source of its own, beside the findings about the content of a file at that path. Who takes findings logs them.
  reader_.set().set_notice("path " + path, {finding});
}

void FolderSource::Following::take_back_troubles(const Pass& pass) {
  std::erase_if(troubles_, [&](const auto& entry) {
    const auto& [path, trouble] = entry;
    const bool in_scope = std::any_of(pass.scopes.begin(), pass.scopes.end(), [&](const FolderWalk::Start& scope) {
      return path == scope.path || is_below(path, scope.path);
    });
    if (!in_scope || trouble.pass >= pass.number) return false;
    reader_.set().set_notice("path " + path, {});
    if (path == too_many_) too_many_.clear();
    return true;
  });
}

void FolderSource::Following::tell_watch_trouble() {
  if (watch_.trouble() == watch_trouble_) return;
  watch_trouble_ = watch_.trouble();
  log::warn("{}; changes of manifests may take some seconds to be seen", watch_trouble_);
}

void FolderSource::Following::work() {
  for (size_t files = 0; files < kFilesPerTurn && !dirty_.empty(); ++files) {
    const std::string path = std::move(dirty_.extract(dirty_.begin()).value());
    load(path);
  }
  SourceBatch batch = reader_.take();
  if (!batch.empty()) deliver_(std::move(batch));
  if (dirty_.empty() || work_posted_ || stopped_) return;
  work_posted_ = true;
  asio::post(loop_, [self = shared_from_this()] {
    self->work_posted_ = false;
    if (!self->stopped_) self->work();
  });
}

void FolderSource::Following::load(const std::string& path) {
  settling_.erase(path);
  differing_.erase(path);
  const bool at_rest = at_rest_.erase(path) > 0;
  if (!at_rest && writing_.contains(path)) return;
  const ManifestReader::Loaded loaded = reader_.load(path, at_rest ? WhileWritten::read : WhileWritten::refuse);
  if (loaded.outcome == ManifestReader::Outcome::being_written && writing_.size() < kManifestFilesMax) writing_.insert(path);
  if (loaded.outcome == ManifestReader::Outcome::gone && reader_.find(path)) settle(path, std::nullopt);
  if (loaded.outcome == ManifestReader::Outcome::too_many) {
    tell_trouble({Walked::What::file, path, {}, 0, {}}, passes_);
  }
}

}  // namespace narthex::controller
