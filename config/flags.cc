// The door to CLI11. It splits the arguments; types, defaults and texts come from flags_table.cc.
#include "config/flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "config/flags_table.h"
#include "config/markdown.h"
#include "config/names.h"

namespace narthex::config {
namespace {

constexpr auto kGroups =
    std::to_array({FlagGroup::objects, FlagGroup::cluster, FlagGroup::writing, FlagGroup::names, FlagGroup::listening, FlagGroup::classes,
                   FlagGroup::defaults, FlagGroup::logging, FlagGroup::shutdown, FlagGroup::general});

constexpr const char* kUsage =
    "narthex: an Ingress controller for Kubernetes\n\n"
    "Usage:\n"
    "  narthex serve --manifests PATH [flags]   serve the objects of a folder, and follow its changes\n"
    "  narthex controller [flags]               serve what a cluster's API server says, and follow it\n"
    "  narthex check PATH... [flags]            print findings and routes; exit status 1 if anything is refused\n"
    "  narthex check --kubeconfig PATH [flags]  the same of a live cluster\n"
    "  narthex version                          print the version\n"
    "  narthex help                             print this text\n\n"
    "Flags are written --name=value or --name value; booleans --name or --name=false.\n";

struct Given {
  const FlagRow* row;
  std::vector<std::string> values;
};

// What CLI11 made of the arguments.
struct Split {
  std::vector<Given> flags;  // in the order of the table
  std::vector<std::string> words;
  std::string error;
};

ParsedFlags usage_error(const std::string& what) {
  ParsedFlags out;
  out.text = fmt::format("narthex: {}\nRun 'narthex help' for the commands and flags.\n", what);
  out.exit_status = 2;
  return out;
}

const FlagRow* find_row(std::string_view name) {
  const auto table = flag_table();
  const auto found = std::find_if(table.begin(), table.end(), [&](const FlagRow& row) { return name == row.name; });
  return found == table.end() ? nullptr : &*found;
}

// Differences between pflag and CLI11: `--name=` is an empty value, not a missing one; `-v=2` is a value, not "=2".
std::vector<std::string> as_cli11_reads(int argc, const char* const* argv, std::string& error) {
  std::vector<std::string> out;
  bool only_words = false;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    only_words = only_words || arg == "--";
    const bool empty_value = arg.starts_with("--") && arg.size() > 3 && arg.find('=') == arg.size() - 1;
    if (!only_words && arg.starts_with("-v=")) arg = "-" + arg;
    if (only_words || !empty_value) {
      out.push_back(std::move(arg));
      continue;
    }
    arg.pop_back();
    const FlagRow* row = find_row(std::string_view(arg).substr(2));
    if (row != nullptr && row->value == FlagValue::boolean) error = fmt::format("{}: \"\" must be true or false", arg);
    out.push_back(std::move(arg));
    out.emplace_back();
  }
  return out;
}

Split split_arguments(int argc, const char* const* argv) {
  Split out;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<std::pair<const FlagRow*, CLI::Option*>> options;
  std::vector<std::string> args = as_cli11_reads(argc, argv, out.error);
  if (!out.error.empty()) return out;
  try {
    for (const FlagRow& row : flag_table()) {
      std::string names = fmt::format("--{}", row.name);
      if (*row.others != '\0') names += fmt::format(",{}", row.others);
      CLI::Option* option = row.value == FlagValue::boolean ? app.add_flag(names) : app.add_option(names)->expected(1);
      option->multi_option_policy(row.repeatable ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
      options.emplace_back(&row, option);
    }
    app.add_option("words", out.words);
    std::reverse(args.begin(), args.end());  // CLI11 takes them from the end
    app.parse(std::move(args));
    for (const auto& [row, option] : options)
      if (option->count() > 0) out.flags.push_back({row, option->results()});
    const auto unknown = app.remaining();
    if (!unknown.empty()) out.error = fmt::format("there is no flag {}", in_quotes(unknown.front()));
  } catch (const CLI::ArgumentMismatch& e) {
    const std::string what = e.what();
    out.error = fmt::format("{}: a value is missing behind it", what.substr(0, what.find(':')));
  } catch (const CLI::Error& e) {
    out.error = e.what();
  }
  return out;
}

// Empty, or what is wrong.
std::string apply(const Given& given, Flags& flags, std::vector<std::string>& warnings) {
  for (const std::string& value : given.values) {
    const char* expected = type_fault(given.row->value, value);
    if (expected == nullptr && given.row->apply != nullptr) expected = given.row->apply(value, flags);
    if (expected != nullptr) return fmt::format("--{}: {} must be {}", given.row->name, in_quotes(value), expected);
  }
  if (given.row->group == FlagGroup::accepted)
    warnings.push_back(fmt::format("--{} is accepted and has no effect: {}", given.row->name, given.row->help));
  return {};
}

bool is_on(const Split& split, std::string_view name) {
  const auto found =
      std::find_if(split.flags.begin(), split.flags.end(), [&](const Given& one) { return name == one.row->name; });
  return found != split.flags.end() && parse_go_bool(found->values.back()).value_or(false);
}

std::string read_controller(const std::vector<std::string>& rest, Flags& flags) {
  flags.command = Command::controller;
  if (!rest.empty()) return fmt::format("controller takes flags only, but there is {}", in_quotes(rest[0]));
  return flags.manifests.empty() ? "" : "controller reads the API server; use serve with --manifests";
}

std::string read_check(const std::vector<std::string>& rest, Flags& flags) {
  flags.command = Command::check;
  flags.manifests.insert(flags.manifests.end(), rest.begin(), rest.end());
  const bool has_empty = std::find(rest.begin(), rest.end(), "") != rest.end();
  const bool cluster = !flags.kubeconfig.empty() || !flags.apiserver_host.empty();
  if (cluster && !flags.manifests.empty())
    return "check reads either manifests or a cluster; leave out the PATH, or --kubeconfig and --apiserver-host";
  return !cluster && (flags.manifests.empty() || has_empty)
             ? "check needs a PATH: a folder or a file of manifests, or - for standard input; or --kubeconfig PATH for "
               "a live cluster"
             : "";
}

// The command and its words. Empty, or what is wrong.
std::string read_command(const Split& split, Flags& flags) {
  if (is_on(split, "help") || (split.words.empty() && is_on(split, "version"))) {
    flags.command = is_on(split, "help") ? Command::help : Command::version;
    return {};
  }
  if (split.words.empty()) return "give a command: serve, controller, check, version or help";
  const std::string& command = split.words.front();
  const std::vector<std::string> rest(split.words.begin() + 1, split.words.end());
  if (command == "help" || command == "version") {
    flags.command = command == "help" ? Command::help : Command::version;
    return rest.empty() ? std::string()
                        : fmt::format("{} takes nothing behind it, but there is {}", command, in_quotes(rest[0]));
  }
  if (command == "serve") {
    flags.command = Command::serve;
    if (!rest.empty())
      return fmt::format("serve takes flags only, but there is {}; write --manifests {}", in_quotes(rest[0]), rest[0]);
    return flags.manifests.empty()
               ? "serve needs --manifests PATH: a folder or a file with Ingresses, Services and so on, or - "
                 "for standard input"
               : "";
  }
  if (command == "controller") return read_controller(rest, flags);
  if (command == "check") return read_check(rest, flags);
  return fmt::format("there is no command {}; use serve, controller, check, version or help", in_quotes(command));
}

std::string flag_column(const FlagRow& row) {
  std::string out = fmt::format("--{}", row.name);
  if (*row.others != '\0') out += fmt::format(", {}", row.others);
  if (*row.placeholder != '\0') out += fmt::format(" {}", row.placeholder);
  return out;
}

std::string default_of(const FlagRow& row) {
  const bool worth_saying = *row.standard != '\0' && row.value != FlagValue::boolean;
  return worth_saying ? fmt::format(" (default {})", row.standard) : std::string();
}

std::string help_text() {
  std::string out = kUsage;
  for (const FlagGroup group : kGroups) {
    out += fmt::format("\n{}:\n", title_of(group));
    for (const FlagRow& row : flag_table())
      if (row.group == group) out += fmt::format("  {:<34} {}{}\n", flag_column(row), row.help, default_of(row));
  }
  out += fmt::format("\n{}:\n", title_of(FlagGroup::accepted));
  std::string line = " ";
  for (const FlagRow& row : flag_table()) {
    if (row.group != FlagGroup::accepted) continue;
    const std::string word = fmt::format(" --{}", row.name);
    if (line.size() + word.size() > 110) out += std::exchange(line, " ") + "\n";
    line += word;
  }
  return out + line + "\n";
}

}  // namespace

ParsedFlags parse_flags(int argc, const char* const* argv) {
  const Split split = split_arguments(argc, argv);
  if (!split.error.empty()) return usage_error(split.error);
  ParsedFlags out;
  Flags flags;
  for (const Given& given : split.flags) {
    const std::string fault = apply(given, flags, out.warnings);
    if (!fault.empty()) return usage_error(fault);
  }
  const std::string fault = read_command(split, flags);
  if (!fault.empty()) return usage_error(fault);
  if (!flags.watch_namespaces.empty() && !flags.watch_namespace_selector.empty())
    return usage_error("--watch-namespace and --watch-namespace-selector exclude each other; give one of the two");
  if (flags.publish_service && !flags.publish_status_addresses.empty())
    return usage_error("--publish-service and --publish-status-address exclude each other; give one of the two");
  const auto is_idle = [](const Given& given) {
    return given.row->group == FlagGroup::cluster || given.row->group == FlagGroup::writing;
  };
  for (const Given& given : split.flags)
    if (!flags.manifests.empty() && is_idle(given))
      out.warnings.push_back(fmt::format("--{} has no effect: objects are read from manifests", given.row->name));
  if (flags.command == Command::help) {
    out.text = help_text();
    return out;
  }
  out.flags = std::move(flags);
  return out;
}

std::string flags_markdown() {
  std::string out = "# Flags\n\n";
  const auto table = [&](FlagGroup group, const char* column) {
    out += fmt::format("## {}\n\n| flag | type | default | {} |\n|---|---|---|---|\n", title_of(group), column);
    for (const FlagRow& row : flag_table()) {
      if (row.group != group) continue;
      out += fmt::format("| {} | {} | {} | {} |\n", markdown_code(flag_column(row)), name_of(row.value),
                         markdown_code(row.standard), markdown_text(row.help));
    }
    out += '\n';
  };
  for (const FlagGroup group : kGroups) table(group, "meaning");
  table(FlagGroup::accepted, "why it has no effect");
  return out;
}

}  // namespace narthex::config
