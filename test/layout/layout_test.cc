#include <algorithm>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>

#include "config/annotations_table.h"
#include "config/flags.h"
#include "config/settings_table.h"
#include "test/layout/rules.h"

namespace narthex::layout {
namespace {

bool is_code(const SourceFile& file) { return file.path.ends_with(".h") || file.path.ends_with(".cc"); }

// All violations of one rule in the tree, one per line: what the failing test prints.
std::string violations(Violations (*rule)(const SourceFile&), bool code) {
  static const std::vector<SourceFile> tree = read_tree(NARTHEX_SOURCE_DIR);
  std::string all;
  for (const SourceFile& file : tree)
    if (!code || is_code(file))
      for (const std::string& violation : rule(file)) all += "\n" + violation;
  return all;
}

TEST_CASE("folders include only what the table allows") { CHECK(violations(check_includes, true) == ""); }
TEST_CASE("files keep within their size, and headers introduce themselves") {
  CHECK(violations(check_form, true) == "");
}
TEST_CASE("names say something") { CHECK(violations(check_names, true) == ""); }
TEST_CASE("text has no tabs, trailing blanks or notes to self") { CHECK(violations(check_text, false) == ""); }

const SourceFile& file_at(const std::string& path) {
  static const std::vector<SourceFile> tree = read_tree(NARTHEX_SOURCE_DIR);
  const auto found = std::find_if(tree.begin(), tree.end(), [&](const SourceFile& file) { return file.path == path; });
  INFO(path);
  REQUIRE(found != tree.end());
  return *found;
}

// NARTHEX_WRITE_DOCS=1 writes the page anew.
void check_page(const std::string& name, const std::string& markdown) {
  const std::string path = std::string(NARTHEX_SOURCE_DIR) + "/docs/" + name;
  if (std::getenv("NARTHEX_WRITE_DOCS")) std::ofstream(path) << markdown;
  CHECK(read_text(path) == markdown);
}

TEST_CASE("docs/flags.md is what the table of flags says") { check_page("flags.md", config::flags_markdown()); }
TEST_CASE("docs/annotations.md is what the table of annotations says") {
  check_page("annotations.md", config::annotations_markdown());
}
TEST_CASE("docs/settings.md is what the table of settings says") {
  check_page("settings.md", config::settings_markdown());
}

TEST_CASE("every metric is explained to users") {
  static const std::regex pattern("\"(narthex_[a-z_]+)\"");
  const std::string& code = file_at("controller/metrics.cc").text;
  size_t count = 0;
  for (std::sregex_iterator match(code.begin(), code.end(), pattern), end; match != end; ++match, ++count) {
    INFO((*match)[1]);
    CHECK(file_at("docs/admin.md").text.find("`" + (*match)[1].str() + "`") != std::string::npos);
  }
  CHECK(count > 10);
}

TEST_CASE("every reason of a finding is explained to users") {
  const std::vector<SourceFile> tree = read_tree(NARTHEX_SOURCE_DIR);
  const std::string& page = file_at("docs/troubleshooting.md").text;
  std::set<std::string> reasons, missing;
  for (const SourceFile& file : tree)
    if (is_code(file) && (file.path.starts_with("config/") || file.path.starts_with("controller/")))
      for (const std::string& reason : finding_reasons(file)) reasons.insert(reason);
  for (const std::string& reason : reasons)
    if (page.find("`" + reason + "`") == std::string::npos) missing.insert(reason);
  CHECK(missing == std::set<std::string>());
  for (const char* reason : {"PathConflict", "SecretNotFound", "InvalidYaml", "FolderGone"})
    CHECK(reasons.contains(reason));
}

TEST_CASE("the tree is read whole") {
  const std::vector<SourceFile> tree = read_tree(NARTHEX_SOURCE_DIR);
  for (const char* path :
       {"dev", "README.md", "base/result.h", "proxy/limits.h", "test/layout/rules.cc", "examples/shop.yaml"})
    CHECK(std::count_if(tree.begin(), tree.end(), [path](const SourceFile& file) { return file.path == path; }) == 1);
}

TEST_CASE("an include across the planes is a violation, and main.cc may join them") {
  const std::string planes = "#include \"config/objects.h\"\n#include \"base/clock.h\"\n";
  CHECK(check_includes({"proxy/worker.cc", planes}) == Violations{"proxy/worker.cc:1: proxy may not include config"});
  CHECK(check_includes({"router/trie.h", planes}).size() == 1);
  CHECK(check_includes({"controller/store.h", planes}).empty());
  CHECK(check_includes({"controller/store.cc", "#include \"proxy/server.h\"\n"}).size() == 1);
  CHECK(check_includes({"controller/main.cc", "#include \"proxy/server.h\"\n"}).empty());
  CHECK(check_includes({"base/text.h", "#include \"tls/certificate.h\"\n"}).size() == 1);
}

TEST_CASE("a library is included behind its door only") {
  CHECK(check_includes({"config/yaml.cc", "#include <yaml-cpp/yaml.h>\n"}).empty());
  CHECK(check_includes({"config/decode.cc", "#include <yaml-cpp/yaml.h>\n"}).size() == 1);
  CHECK(check_includes({"controller/admin_server.cc", "#include <boost/beast/http.hpp>\n"}).empty());
  CHECK(check_includes({"proxy/worker.cc", "#include <boost/beast/http.hpp>\n"}).size() == 1);
  CHECK(check_includes({"proxy/worker.cc", "#include <openssl/ssl.h>\n"}).size() == 1);
  CHECK(check_includes({"tls/stream.cc", "#include <openssl/ssl.h>\n"}).empty());
  CHECK(check_includes({"tls/stream.h", "#include <openssl/ssl.h>\n"}).size() == 1);
  CHECK(check_includes({"controller/admin.h", "#include <boost/asio/io_context.hpp>\n"}).size() == 1);
  CHECK(check_includes({"router/trie.cc", "#include <boost/container/small_vector.hpp>\n"}).size() == 1);
  CHECK(check_includes({"router/trie.cc", "#include <sys/socket.h>\n"}).size() == 1);
  CHECK(check_includes({"proxy/socket.cc", "#include \"socket.h\"\n"}).size() == 1);
}

TEST_CASE("a file that is too long or a header that does not introduce itself is a violation") {
  const auto lines = [](size_t count) { return std::string(count, '\n'); };
  CHECK(check_form({"router/a.cc", lines(600)}).empty());
  CHECK(check_form({"router/a.cc", lines(601)}).size() == 1);
  CHECK(check_form({"test/router/a.cc", lines(1000)}).empty());
  CHECK(check_form({"test/router/a.cc", lines(1001)}).size() == 1);
  CHECK(check_form({"router/a.h", "// A thing.\n#pragma once\n" + lines(198)}).empty());
  CHECK(check_form({"router/a.h", "// A thing.\n#pragma once\n" + lines(199)}).size() == 1);
  CHECK(check_form({"router/a.h", "#include <string>\n"}).size() == 2);
}

TEST_CASE("empty words in names are violations, in comments, literals and other people's names they are not") {
  for (const char* line : {"class HostManager;", "int get_port() const;", "struct RouteInfo {",
                           "auto x = parse_impl(1);", "TlsHelper tls;"})
    CHECK(check_names({"router/a.h", std::string(line) + "\n"}).size() == 1);
  for (const char* line :
       {"// the Manager and its get_port", "log(\"get_it\");", "std::get_if<int>(&v);", "stream.get_executor();",
        "Task<T> get_return_object();", "int budget_left;", "size_t n = 10'000; get(n);", "uint32_t database;"})
    CHECK(check_names({"router/a.h", std::string(line) + "\n"}).empty());
}

TEST_CASE("tabs, trailing blanks and notes to self are violations") {
  CHECK(check_text({"a.md", "one\ttwo\n"}).size() == 1);
  CHECK(check_text({"a.md", "one \n"}).size() == 1);
  CHECK(check_text({"a.md", "one\r\n"}).size() == 1);
  CHECK(check_text({"a.md", "one"}).size() == 1);
  CHECK(check_text({"a.cc", std::string("// TO") + "DO: later\n"}).size() == 1);
  CHECK(check_text({"a.cc", "// fine\n"}).empty());
}

TEST_CASE("comments and literals are blanked out without losing a line") {
  CHECK(code_only("a /* b\nc */ d // e\nf") == "a     \n     d     \nf");
  CHECK(code_only("x = \"a\\\"b\" + 'c';") == "x =        +    ;");
  CHECK(code_only("x = R\"y(a\")z)y\" + 1;") == "x = " + std::string(11, ' ') + " + 1;");
  CHECK(code_only("1'000 + 2'000") == "1'000 + 2'000");
}

}  // namespace
}  // namespace narthex::layout
