#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "controller/manifest_files.h"
#include "controller/setup.h"
#include "test/controller/followed_folder.h"

namespace narthex::test {
namespace {

namespace fs = std::filesystem;
using controller::FolderSource;
using controller::FolderSourceOptions;

FolderSourceOptions with_slow_pass(std::chrono::milliseconds interval) {
  FolderSourceOptions options;
  options.slow_pass = interval;
  return options;
}

std::string start_error(std::vector<std::string> paths) {
  boost::asio::io_context loop;
  FolderSourceOptions options;
  options.paths = std::move(paths);
  const auto source = FolderSource::start(loop, options, [](controller::SourceBatch) {});
  return source ? "" : source.error().message();
}

TEST_CASE("the first scan reads manifests by name, in sub-folders too, before start returns") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1") + config_map("a2", "1"));
  followed.folder.write("b.yml", config_map("b", "1"));
  followed.folder.write("c.json", R"({"apiVersion": "v1", "kind": "ConfigMap",
                                      "metadata": {"name": "c"}, "data": {"v": "1"}})");
  followed.folder.write("readme.txt", config_map("text", "1"));
  followed.folder.write(".hidden.yaml", config_map("hidden", "1"));
  fs::create_directories(followed.folder.file("sub/.git"));
  followed.folder.write_in_place("sub/d.yaml", config_map("d", "1"));
  followed.folder.write_in_place("sub/.git/e.yaml", config_map("e", "1"));
  followed.start();
  CHECK(followed.model == Model{{"ConfigMap default/a", "1"},
                                {"ConfigMap default/a2", "1"},
                                {"ConfigMap default/b", "1"},
                                {"ConfigMap default/c", "1"},
                                {"ConfigMap default/d", "1"}});
  CHECK(followed.batches == 1);
  CHECK(followed.findings() == "");
  for (const auto& [kind, count] : followed.source().object_counts()) CHECK(count == (kind == "ConfigMap" ? 5 : 0));
}

TEST_CASE("an empty folder delivers one empty batch at start") {
  FollowedFolder followed;
  followed.start();
  CHECK(followed.batches == 1);
  CHECK(followed.model.empty());
}

TEST_CASE("folders are read to a depth of eight") {
  FollowedFolder followed;
  std::string path;
  for (int depth = 1; depth <= 9; ++depth) {
    path += "d/";
    fs::create_directory(followed.folder.file(path));
    followed.folder.write_in_place(path + "x.yaml", config_map("at-" + std::to_string(depth), "1"));
  }
  followed.start();
  CHECK(followed.value("at-8") == "1");
  CHECK(followed.value("at-9") == "");
}

TEST_CASE("start names the path that it cannot use and says what to do") {
  ManifestFolder folder;
  const std::string absent = folder.file("absent").string();
  CHECK(start_error({folder.path().string(), absent}) ==
        "manifests at " + absent + ": does not exist; give a folder or a file that exists and can be read");
  const std::string pipe = folder.file("pipe.yaml").string();
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(start_error({pipe}).find("is neither a folder nor a regular file") != std::string::npos);
  CHECK(start_error({folder.path().string()}) == "");
}

TEST_CASE("files that are no manifests whatever their name hurt nobody") {
  FollowedFolder followed;
  REQUIRE(mkfifo(followed.folder.file("fifo.yaml").c_str(), 0600) == 0);
  fs::create_directory(followed.folder.file("folder.yaml"));
  fs::create_symlink("loop.yaml", followed.folder.file("loop.yaml"));
  fs::create_symlink("nowhere", followed.folder.file("dangling.yaml"));
  fs::create_directory_symlink(followed.folder.path(), followed.folder.file("round"));
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.start();
  CHECK(followed.model.size() == 1);
  fs::create_directory_symlink(followed.folder.path(), followed.folder.file("later.yaml"));
  REQUIRE(mkfifo(followed.folder.file("later-fifo.yaml").c_str(), 0600) == 0);
  followed.run_marker();
  CHECK(followed.model.size() == 2);
  CHECK(followed.findings() == "");
}

TEST_CASE("a file that is renamed over, written in place, added or linked takes effect by its event") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.start();
  followed.folder.write("a.yaml", config_map("a", "2"));
  followed.run_until("a", "2");
  followed.folder.write_in_place("a.yaml", config_map("a", "3"));
  followed.run_until("a", "3");
  followed.folder.write_in_place("b.yaml", config_map("b", "1"));
  followed.run_until("b", "1");
  followed.folder.write(".c", config_map("c", "1"));
  fs::create_hard_link(followed.folder.file(".c"), followed.folder.file("c.yaml"));
  followed.run_until("c", "1");
  followed.folder.write(".d", config_map("d", "1"));
  fs::create_symlink(".d", followed.folder.file("d.yaml"));
  followed.run_until("d", "1");
}

TEST_CASE("a half-written file is left alone until its writer closes it") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1") + config_map("rest", "1"));
  followed.start();
  const std::string text = config_map("a", "2") + config_map("rest", "2");
  std::ofstream writer(followed.folder.file("a.yaml"));
  writer << config_map("a", "2") << std::flush;
  followed.run_marker();
  CHECK(followed.value("a") == "1");
  CHECK(followed.value("rest") == "1");
  writer << config_map("rest", "2");
  writer.close();
  followed.run_until("rest", "2");
  CHECK(followed.value("a") == "2");
  CHECK(followed.changes_of("rest") == 2);
}

TEST_CASE("a new file is read when its writer closes it, not before") {
  FollowedFolder followed;
  followed.start();
  std::ofstream writer(followed.folder.file("a.yaml"));
  writer << config_map("a", "half") << std::flush;
  followed.run_marker();
  CHECK(followed.value("a") == "");
  writer.close();
  followed.run_until("a", "half");
}

TEST_CASE("a writer that never closes is read once its file is at rest") {
  FollowedFolder followed(with_slow_pass(std::chrono::milliseconds(5)));
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.start();
  std::ofstream old_file(followed.folder.file("a.yaml"));
  old_file << config_map("a", "2") << std::flush;
  std::ofstream new_file(followed.folder.file("b.yaml"));
  new_file << config_map("b", "1") << std::flush;
  followed.run_until("a", "2");
  followed.run_until("b", "1");
}

TEST_CASE("a file that goes takes its objects along") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.folder.write("b.yaml", config_map("b", "1"));
  followed.start();
  followed.folder.remove("a.yaml");
  followed.run_until_gone("a");
  fs::rename(followed.folder.file("b.yaml"), followed.folder.file("b.yaml.bak"));
  followed.run_until_gone("b");
}

TEST_CASE("an editor that renames the old file away and writes a new one never removes the object") {
  FolderSourceOptions options = FollowedFolder::patient();
  options.settle = std::chrono::hours(1);
  FollowedFolder followed(options);
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.start();
  fs::rename(followed.folder.file("a.yaml"), followed.folder.file("a.yaml~"));
  followed.run_marker();
  CHECK(followed.value("a") == "1");
  followed.folder.write_in_place("a.yaml", config_map("a", "2"));
  followed.run_until("a", "2");
  CHECK(followed.changes_of("a") == 2);
}

TEST_CASE("a slow writer of a new file in an old one's place does not lose the object either") {
  FolderSourceOptions options = FollowedFolder::patient();
  options.settle = std::chrono::milliseconds(1);
  FollowedFolder followed(options);
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.folder.write("other.yaml", config_map("other", "1"));
  followed.start();
  fs::remove(followed.folder.file("a.yaml"));
  std::ofstream writer(followed.folder.file("a.yaml"));
  writer << config_map("unfinished", "1") << std::flush;
  // Both were seen as gone in the same turn: what comes of the one has come of the other.
  followed.folder.remove("other.yaml");
  followed.run_until_gone("other");
  CHECK(followed.value("a") == "1");
  CHECK(followed.value("unfinished") == "");
  writer << config_map("a", "2");
  writer.close();
  followed.run_until("a", "2");
}

TEST_CASE("a ConfigMap volume is followed through the swap of its ..data link") {
  FollowedFolder followed;
  followed.folder.project({{"a.yaml", config_map("a", "1")}, {"b.yaml", config_map("b", "1")}});
  followed.start();
  CHECK(followed.model.size() == 2);
  followed.folder.project({{"a.yaml", config_map("a", "2")}, {"c.yaml", config_map("c", "1")}});
  followed.run_until("a", "2");
  followed.run_until("c", "1");
  followed.run_until_gone("b");
  followed.folder.project({{"a.yaml", config_map("a", "3")}, {"c.yaml", config_map("c", "1")}});
  followed.run_until("a", "3");
  CHECK(followed.changes_of("c") == 1);
}

TEST_CASE("sub-folders that are made, moved in and moved away later are followed") {
  FollowedFolder followed;
  followed.start();
  fs::create_directory(followed.folder.file("sub"));
  followed.folder.write_in_place("sub/a.yaml", config_map("a", "1"));
  followed.run_until("a", "1");
  followed.folder.write_in_place("sub/a.yaml", config_map("a", "2"));
  followed.run_until("a", "2");
  fs::create_directories(followed.folder.file(".stage/deep"));
  followed.folder.write_in_place(".stage/deep/b.yaml", config_map("b", "1"));
  fs::rename(followed.folder.file(".stage"), followed.folder.file("stage"));
  followed.run_until("b", "1");
  followed.folder.write_in_place("stage/deep/b.yaml", config_map("b", "2"));
  followed.run_until("b", "2");
  fs::rename(followed.folder.file("stage"), followed.folder.file("moved"));
  followed.folder.write_in_place("moved/deep/b.yaml", config_map("b", "3"));
  followed.run_until("b", "3");
  fs::rename(followed.folder.file("moved"), followed.folder.file(".away"));
  followed.run_until_gone("b");
  fs::remove_all(followed.folder.file("sub"));
  followed.run_until_gone("a");
}

TEST_CASE("a folder that is gone keeps what it gave, says so, and is picked up when it is back") {
  const std::chrono::milliseconds pass = GENERATE(std::chrono::milliseconds(5), std::chrono::hours(1));
  FolderSourceOptions options;
  options.slow_pass = pass;
  FollowedFolder followed(options);
  const fs::path root = followed.folder.file("root");
  fs::create_directory(root);
  followed.folder.write_in_place("root/a.yaml", config_map("a", "1"));
  followed.folder.write_in_place("root/b.yaml", config_map("b", "1"));
  followed.start({root.string()});
  fs::rename(root, followed.folder.file("elsewhere"));
  followed.run_until([&] { return followed.has_finding("FolderGone"); });
  CHECK(followed.findings().find(root.string()) != std::string::npos);
  CHECK(followed.value("a") == "1");
  fs::create_directory(root);
  followed.folder.write_in_place("root/a.yaml", config_map("a", "2"));
  followed.run_until("a", "2");
  followed.run_until_gone("b");
  CHECK(followed.findings() == "");
  followed.folder.write_in_place("root/a.yaml", config_map("a", "3"));
  followed.run_until("a", "3");
}

TEST_CASE("a root that is a symbolic link to a folder is followed when the link is swapped") {
  FollowedFolder followed;
  for (const char* version : {"v1", "v2"}) {
    fs::create_directory(followed.folder.file(version));
    followed.folder.write_in_place(std::string(version) + "/a.yaml", config_map("a", version));
  }
  fs::create_directory_symlink("v1", followed.folder.file("current"));
  followed.start({followed.folder.file("current").string() + "/"});
  CHECK(followed.value("a") == "v1");
  fs::create_directory_symlink("v2", followed.folder.file("next"));
  fs::rename(followed.folder.file("next"), followed.folder.file("current"));
  followed.run_until("a", "v2");
  followed.folder.write_in_place("v2/a.yaml", config_map("a", "edited"));
  followed.run_until("a", "edited");
}

TEST_CASE("a single file is followed whatever its name, and its neighbours are not read") {
  FollowedFolder followed;
  followed.folder.write("site.manifest", config_map("a", "1"));
  followed.folder.write("other.yaml", config_map("other", "1"));
  followed.start({followed.folder.file("site.manifest").string()});
  CHECK(followed.model.size() == 1);
  followed.folder.write("other.yaml", config_map("other", "2"));
  followed.folder.write("site.manifest", config_map("a", "2"));
  followed.run_until("a", "2");
  CHECK(followed.model.size() == 1);
  followed.folder.remove("site.manifest");
  followed.run_until_gone("a");
  followed.folder.write_in_place("site.manifest", config_map("a", "3"));
  followed.run_until("a", "3");
}

TEST_CASE("a path that is given twice or through its folder too is read once") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1"));
  const std::string folder = followed.folder.path().string();
  followed.start({folder, folder + "/", followed.folder.file("a.yaml").string()});
  CHECK(followed.value("a") == "1");
  CHECK(followed.findings() == "");
  followed.folder.write("a.yaml", config_map("a", "2"));
  followed.run_until("a", "2");
}

TEST_CASE("events that the kernel dropped are made up for by a pass over everything") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.folder.write("b.yaml", config_map("b", "1"));
  followed.start();
  std::ifstream bound("/proc/sys/fs/inotify/max_queued_events");
  int queue = 16384;
  bound >> queue;
  followed.folder.write("noise-0", "");
  for (int i = 0; i < queue / 2 + 1; ++i) {
    const std::string from = i % 2 ? "noise-1" : "noise-0", to = i % 2 ? "noise-0" : "noise-1";
    fs::rename(followed.folder.file(from), followed.folder.file(to));
  }
  followed.folder.write("a.yaml", config_map("a", "2"));
  followed.folder.write_in_place("c.yaml", config_map("c", "1"));
  followed.folder.remove("b.yaml");
  followed.run_until("a", "2");
  followed.run_until("c", "1");
  followed.run_until_gone("b");
}

TEST_CASE("a file above the size limit is refused and its objects stay") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.start();
  followed.folder.write(".big", "");
  fs::resize_file(followed.folder.file(".big"), controller::kManifestBytesMax + 1);
  fs::rename(followed.folder.file(".big"), followed.folder.file("a.yaml"));
  followed.run_until([&] { return followed.has_finding("FileUnreadable"); });
  CHECK(followed.findings().find("holds more than 64 MiB") != std::string::npos);
  CHECK(followed.value("a") == "1");
  followed.folder.write("a.yaml", config_map("a", "2"));
  followed.run_until("a", "2");
  CHECK(followed.findings() == "");
}

TEST_CASE("what did not change is not delivered again") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1") + config_map("b", "1"));
  followed.start();
  const size_t batches = followed.batches;
  followed.folder.write("a.yaml", config_map("a", "1") + config_map("b", "2"));
  followed.run_until("b", "2");
  CHECK(followed.changes_of("a") == 1);
  CHECK(followed.changes_of("b") == 2);
  followed.folder.write("a.yaml", config_map("a", "1") + config_map("b", "2"));
  followed.run_marker();
  CHECK(followed.changes_of("b") == 2);
  CHECK(followed.batches <= batches + 3);
}

TEST_CASE("a text with errors keeps the objects that it cannot tell of, and takes the others") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("first", "1") + config_map("second", "1") + config_map("third", "1"));
  followed.start();
  followed.folder.write("a.yaml", config_map("first", "2") + "---\nkind: [oops\n");
  followed.run_until("first", "2");
  CHECK(followed.value("second") == "1");
  CHECK(followed.value("third") == "1");
  CHECK(followed.findings().find("ConfigMap default/second: KeptLastGood") != std::string::npos);
  followed.folder.write("a.yaml", config_map("first", "3") + config_map("second", "3"));
  followed.run_until("second", "3");
  CHECK(followed.value("third") == "");
  CHECK(followed.findings() == "");
}

TEST_CASE("a file that is emptied removes its objects") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.start();
  followed.folder.write("a.yaml", "");
  followed.run_until_gone("a");
}

TEST_CASE("of one object in two files the first in path order speaks, and the other takes over when it goes") {
  FollowedFolder followed;
  followed.folder.write("b.yaml", config_map("x", "from b"));
  followed.folder.write("c.yaml", config_map("x", "from c"));
  followed.start();
  CHECK(followed.value("x") == "from b");
  const std::string findings = followed.findings();
  CHECK(findings.find("refused ConfigMap default/x: DuplicateObject: ") == 0);
  CHECK(findings.find("b.yaml:2 gives the same object") != std::string::npos);
  CHECK(findings.find("c.yaml:2)") != std::string::npos);
  followed.folder.write("a.yaml", config_map("x", "from a"));
  followed.run_until("x", "from a");
  followed.folder.write("c.yaml", config_map("x", "new c"));
  followed.run_marker();
  CHECK(followed.value("x") == "from a");
  followed.folder.remove("a.yaml");
  followed.run_until("x", "from b");
  followed.folder.write("b.yaml", "");
  followed.run_until("x", "new c");
  CHECK(followed.findings() == "");
  followed.folder.remove("c.yaml");
  followed.run_until_gone("x");
}

TEST_CASE("an object that moves to another file is never removed on the way") {
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("x", "1"));
  followed.start();
  fs::rename(followed.folder.file("a.yaml"), followed.folder.file("z.yaml"));
  followed.run_until([&] { return followed.changes_of("x") == 2; });
  CHECK(followed.value("x") == "1");
  followed.run_marker();
  CHECK(followed.findings() == "");
}

TEST_CASE("many files that appear at once all arrive") {
  FollowedFolder followed;
  followed.start();
  fs::create_directory(followed.folder.file("many"));
  for (int i = 0; i < 1000; ++i) {
    const std::string number = std::to_string(i);
    followed.folder.write_in_place("many/" + number + ".yaml", config_map("n" + number, number));
  }
  followed.run_until([&] { return followed.model.size() == 1000; });
  fs::remove_all(followed.folder.file("many"));
  followed.run_until([&] { return followed.model.empty(); });
}

TEST_CASE("a source that is destroyed leaves nothing running on its loop") {
  FollowedFolder followed(with_slow_pass(std::chrono::milliseconds(1)));
  followed.folder.write("a.yaml", config_map("a", "1"));
  followed.start();
  followed.folder.remove("a.yaml");
  followed.loop.run_one();
  followed.stop();
  const size_t batches = followed.batches;
  followed.loop.restart();
  followed.loop.run();
  CHECK(followed.batches == batches);
}

TEST_CASE("standard input is read once, to its end") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const std::string text = config_map("a", "1") + config_map("b", "1");
  REQUIRE(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(ends[1]);
  const int saved = dup(STDIN_FILENO);
  dup2(ends[0], STDIN_FILENO);
  close(ends[0]);
  FollowedFolder followed;
  followed.folder.write("a.yaml", config_map("a", "from the folder"));
  followed.start({"-", followed.folder.path().string()});
  dup2(saved, STDIN_FILENO);
  close(saved);
  CHECK(followed.value("b") == "1");
  CHECK(followed.has_finding("DuplicateObject"));
  // The folder's path comes first. When its file goes, standard input speaks, though it cannot be read again.
  CHECK(followed.value("a") == "from the folder");
  followed.folder.remove("a.yaml");
  followed.run_until("a", "1");
}

// The invariant: whatever is done to the folder in whatever order, what was delivered comes to what a fresh scan reads.
TEST_CASE("any sequence of edits ends in what a fresh scan reads") {
  const unsigned seed = GENERATE(range(1u, 9u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto pick = [&](unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random); };
  FollowedFolder followed(with_slow_pass(std::chrono::milliseconds(50)));
  fs::create_directory(followed.folder.file("s"));
  followed.start();
  const std::vector<std::string> places = {"", "s/"};
  const auto some_file = [&] { return places[pick(2)] + std::string(1, static_cast<char>('a' + pick(5))) + ".yaml"; };
  const auto some_text = [&] {
    std::string text;
    for (unsigned count = pick(4); count > 0; --count) {
      text += config_map("o" + std::to_string(pick(6)), std::to_string(pick(100)));
    }
    return text;
  };
  std::error_code ignored;
  for (int step = 0; step < 200; ++step) {
    switch (pick(8)) {
      case 0:
      case 1: followed.folder.write_in_place(".half", some_text());
        fs::rename(followed.folder.file(".half"), followed.folder.file(some_file()), ignored);
        break;
      case 2:
      case 3: std::ofstream(followed.folder.file(some_file())) << some_text(); break;
      case 4: fs::remove(followed.folder.file(some_file()), ignored); break;
      case 5: fs::rename(followed.folder.file(some_file()), followed.folder.file(some_file()), ignored); break;
      case 6: fs::rename(followed.folder.file("s"), followed.folder.file("t"), ignored);
        if (pick(2)) fs::rename(followed.folder.file("t"), followed.folder.file("s"), ignored);
        fs::create_directory(followed.folder.file("s"), ignored);
        break;
      default: followed.loop.restart(); followed.loop.run_one_for(std::chrono::milliseconds(1));
    }
  }
  const auto fresh = controller::read_manifests({followed.folder.path().string()});
  REQUIRE(fresh.has_value());
  Model expected;
  play(fresh->batch.changes, expected);
  followed.run_until([&] { return followed.model == expected; });
  const auto counts = followed.source().object_counts();
  CHECK(controller::object_count(counts) == expected.size());
}

}  // namespace
}  // namespace narthex::test
