#include "test/layout/rules.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace narthex::layout {
namespace {

struct Line {
  size_t number;
  std::string_view text;
};

// What a library's headers begin with, and the places that may include them: a file, or a folder that ends in '/'.
struct Door {
  std::string_view headers;
  std::vector<std::string_view> places;
};

std::vector<Line> lines_of(std::string_view text);
std::string at(const SourceFile& file, size_t line, std::string_view what);
std::string_view folder_of(std::string_view path);
bool has_suffix(std::string_view path, std::initializer_list<std::string_view> suffixes);
bool is_code(std::string_view path);
bool may_include(const SourceFile& file, std::string_view folder);
const Door* door_of(std::string_view header);
bool is_in(std::string_view path, std::string_view place);
bool is_vague(std::string_view name);

const std::map<std::string_view, std::set<std::string_view>>& folder_table() {
  static const std::map<std::string_view, std::set<std::string_view>> table = {
      {"base", {"base"}},
      {"config", {"config", "base"}},
      {"router", {"router", "base"}},
      {"tls", {"tls", "base"}},
      {"proxy", {"proxy", "base", "router", "tls"}},
      {"controller", {"controller", "base", "config", "router", "tls"}},
      {"test", {"test", "base", "config", "router", "tls", "proxy", "controller"}},
      {"bench", {"bench", "base", "router"}},
      {"demo", {}},
  };
  return table;
}

const std::vector<Door>& doors() {
  static const std::vector<Door> table = {
      {"fmt/", {""}},
      {"spdlog/", {"base/log.cc"}},
      {"xxhash.h", {"base/hash.h"}},
      {"boost/system/", {"base/", "controller/", "demo/", "bench/", "test/"}},
      {"yaml-cpp/", {"config/yaml.cc"}},
      {"boost/json", {"config/json.cc"}},
      {"CLI/", {"config/flags.cc"}},
      {"openssl/", {"tls/", "test/support/", "test/tls/", "bench/"}},
      {"boost/beast/ssl", {"controller/api/", "test/"}},
      {"boost/beast", {"controller/", "demo/", "bench/", "test/"}},
      // Asio's TLS streams (boost/asio/ssl) are OpenSSL behind Asio's own interface: for the API client alone, whose time goes into
      // waiting. What needs OpenSSL's own functions stands in tls/client_name.cc.
      {"boost/asio/ssl", {"controller/api/", "test/"}},
      {"boost/asio", {"controller/", "demo/", "bench/", "test/"}},
      {"boost/pfr", {"controller/fingerprint.cc"}},
      {"ares", {"controller/dns_client.cc"}},
      {"re2/", {"router/regex.cc"}},
      {"prometheus/", {"controller/metrics.cc"}},
      {"catch2/", {"test/"}},
  };
  return table;
}

}  // namespace

Violations check_includes(const SourceFile& file) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  Violations found;
  for (const Line& line : lines_of(file.text)) {
    std::cmatch match;
    if (!std::regex_search(line.text.begin(), line.text.end(), match, pattern)) continue;
    const std::string header = match[2];
    if (match[1] == "\"") {
      const std::string_view folder = folder_of(header);
      if (!folder_table().contains(folder))
        found.push_back(at(file, line.number, "\"" + header + "\" is not named from the root of the tree"));
      else if (!may_include(file, folder))
        found.push_back(
            at(file, line.number, std::string(folder_of(file.path)) + " may not include " + std::string(folder)));
      continue;
    }
    const bool library = header.find('/') != std::string::npos || header == "xxhash.h" || header == "ares.h";
    const Door* door = door_of(header);
    if (door &&
        std::none_of(door->places.begin(), door->places.end(), [&](auto place) { return is_in(file.path, place); }))
      found.push_back(
          at(file, line.number, "<" + header + "> belongs behind its door, see the table in test/layout/rules.cc"));
    if (!door && library && header.starts_with("boost/"))
      found.push_back(at(file, line.number, "<" + header + "> has no door in the table"));
    if (header.starts_with("boost/asio") || header.starts_with("boost/beast") || header.starts_with("openssl/"))
      if (file.path.ends_with(".h") && !file.path.starts_with("test/") && file.path != "tls/native.h")
        found.push_back(at(file, line.number, "<" + header + "> in a header reaches everyone who includes it"));
  }
  const bool pure = file.path.starts_with("router/");
  for (const Line& line : lines_of(pure ? std::string_view(file.text) : std::string_view()))
    for (const char* effect : {"\"base/log.h\"", "<sys/", "<unistd.h>", "<fstream>", "<iostream>", "<filesystem>"})
      if (line.text.starts_with("#include") && line.text.find(effect) != std::string_view::npos)
        found.push_back(at(file, line.number, "router neither reads, writes nor logs"));
  return found;
}

Violations check_form(const SourceFile& file) {
  Violations found;
  const bool header = file.path.ends_with(".h");
  const size_t most = header ? 200 : file.path.starts_with("test/") ? 1000 : 600;
  const size_t count = lines_of(file.text).size();
  if (count > most) found.push_back(at(file, count, "longer than " + std::to_string(most) + " lines: split it"));
  if (!header) return found;
  if (!file.text.starts_with("//"))
    found.push_back(at(file, 1, "a header begins with a comment: what, whose, which thread, how long, how much"));
  if (file.text.find("\n#pragma once\n") == std::string::npos) found.push_back(at(file, 1, "#pragma once is missing"));
  return found;
}

Violations check_names(const SourceFile& file) {
  Violations found;
  const std::string code = code_only(file.text);
  const bool has_beast = file.text.find("#include <boost/beast") != std::string::npos;
  for (const Line& line : lines_of(code)) {
    if (line.text.find("#include") != std::string_view::npos) continue;
    for (size_t i = 0; i < line.text.size();) {
      if (!std::isalpha(static_cast<unsigned char>(line.text[i])) && line.text[i] != '_') {
        // A number goes with its letters: 0x1f, 10u.
        const bool digit = std::isdigit(static_cast<unsigned char>(line.text[i]));
        for (++i; digit && i < line.text.size() && std::isalnum(static_cast<unsigned char>(line.text[i]));) ++i;
        continue;
      }
      const size_t begin = i;
      while (i < line.text.size() && (std::isalnum(static_cast<unsigned char>(line.text[i])) || line.text[i] == '_'))
        ++i;
      const std::string_view name = line.text.substr(begin, i - begin);
      const std::string_view before = line.text.substr(0, begin);
      // Members and qualified names may be a library's; our own ones are seen where they are declared. Beast names the
      // functions of its parser that we override, and of streams that we make.
      const bool qualified = before.ends_with(".") || before.ends_with("->") || before.ends_with("::");
      const bool of_library =
          has_beast && ((name.starts_with("on_") && name.ends_with("_impl")) || name == "get_executor");
      if (!qualified && !of_library && is_vague(name))
        found.push_back(at(file, line.number, "the name " + std::string(name) + " says nothing"));
    }
  }
  return found;
}

Violations check_text(const SourceFile& file) {
  // Written in halves, so that this file does not find itself.
  static const std::vector<std::string> notes = {std::string("TO") + "DO", std::string("FIX") + "ME",
                                                 std::string("X") + "XX"};
  static const auto is_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '/';
  };
  Violations found;
  for (const Line& line : lines_of(file.text)) {
    if (line.text.find('\t') != std::string_view::npos) found.push_back(at(file, line.number, "a tab"));
    if (line.text.ends_with(' ') || line.text.ends_with('\r'))
      found.push_back(at(file, line.number, "blanks at the end of the line"));
    for (const std::string& note : notes) {
      const size_t where = line.text.find(note);
      if (where == std::string_view::npos) continue;
      const bool begins = where == 0 || !is_word(line.text[where - 1]);
      const bool ends = where + note.size() == line.text.size() || !is_word(line.text[where + note.size()]);
      if (begins && ends) found.push_back(at(file, line.number, note + ": do it or leave it"));
    }
  }
  if (!file.text.empty() && !file.text.ends_with('\n'))
    found.push_back(at(file, lines_of(file.text).size(), "no newline at the end"));
  return found;
}

std::vector<std::string> finding_reasons(const SourceFile& file) {
  static const std::regex pattern(
      R"x((?:refuse\(|note\(|refused,|note,|reason = |return |\? |: )\s*"([A-Z][a-z]+([A-Z][A-Za-z0-9]*)+)")x");
  std::vector<std::string> reasons;
  for (std::sregex_iterator match(file.text.begin(), file.text.end(), pattern), end; match != end; ++match)
    reasons.push_back((*match)[1]);
  return reasons;
}

std::string code_only(std::string_view text) {
  std::string code(text);
  const auto blank = [&code](size_t from, size_t to) {
    for (size_t i = from; i < std::min(to, code.size()); ++i)
      if (code[i] != '\n') code[i] = ' ';
  };
  const auto end_of = [&text](std::string_view mark, size_t from) {
    const size_t found = text.find(mark, from);
    return found == std::string_view::npos ? text.size() : found + mark.size();
  };
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    const bool in_number =
        text[i] == '\'' && i > 0 && std::isxdigit(static_cast<unsigned char>(text[i - 1]));  // 10'000
    if (text.substr(i, 2) == "//") {
      end = std::min(text.find('\n', i), text.size());
    } else if (text.substr(i, 2) == "/*") {
      end = end_of("*/", i + 2);
    } else if (text.substr(i, 2) == "R\"") {
      const std::string mark(text.substr(i + 2, text.find('(', i) - i - 2));
      end = end_of(")" + mark + "\"", i);
    } else if ((text[i] == '"' || text[i] == '\'') && !in_number) {
      while (end < text.size() && text[end] != text[i] && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
      ++end;
    } else {
      i = end;
      continue;
    }
    blank(i, end);
    i = end;
  }
  return code;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<SourceFile> read_tree(const std::string& root) {
  namespace fs = std::filesystem;
  static const std::set<std::string> skipped = {"build", ".git", "corpus", "golden", "wire", "data", "recorded"};
  std::vector<SourceFile> files;
  for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && skipped.contains(name)) entry.disable_recursion_pending();
    const bool written = is_code(name) ||
                         has_suffix(name, {".md", ".txt", ".cmake", ".json", ".py", ".sh", ".yaml", ".cfg", ".conf"}) ||
                         name == "dev" || name == "run";
    if (!entry->is_regular_file() || !written) continue;
    files.push_back({fs::relative(entry->path(), root).string(), read_text(entry->path().string())});
  }
  std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

namespace {

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back({number, text.substr(0, end)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string at(const SourceFile& file, size_t line, std::string_view what) {
  return file.path + ":" + std::to_string(line) + ": " + std::string(what);
}

std::string_view folder_of(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool has_suffix(std::string_view path, std::initializer_list<std::string_view> suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [path](std::string_view suffix) { return path.ends_with(suffix); });
}

bool is_code(std::string_view path) { return has_suffix(path, {".h", ".cc"}); }

bool may_include(const SourceFile& file, std::string_view folder) {
  if (file.path == "controller/main.cc") return folder != "test";
  const auto row = folder_table().find(folder_of(file.path));
  return row != folder_table().end() && row->second.contains(folder);
}

const Door* door_of(std::string_view header) {
  for (const Door& door : doors())
    if (header.starts_with(door.headers)) return &door;
  return nullptr;
}

bool is_in(std::string_view path, std::string_view place) {
  return place.empty() || place.ends_with('/') ? path.starts_with(place) : path == place;
}

bool is_vague(std::string_view name) {
  if (name == "get_return_object") return false;  // the language's own word for coroutines
  if (name.starts_with("get_")) return true;
  while (name.ends_with('_')) name.remove_suffix(1);
  if (has_suffix(name, {"_impl", "_manager", "_helper", "_helpers", "_util", "_utils"})) return true;
  const bool type = std::isupper(static_cast<unsigned char>(name.empty() ? 'a' : name[0])) &&
                    name.find('_') == std::string_view::npos;
  return type && has_suffix(name, {"Manager", "Helper", "Helpers", "Util", "Utils", "Impl", "Data", "Info"});
}

}  // namespace
}  // namespace narthex::layout
