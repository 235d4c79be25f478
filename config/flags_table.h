// The one table of flags: the parser, --help and docs/flags.md are made from it. Frozen; any thread.
#pragma once

#include <span>
#include <string>

#include "config/flags.h"

namespace narthex::config {

enum class FlagGroup {
  objects, cluster, writing, names, listening, classes, defaults, logging, shutdown, general, accepted
};
enum class FlagValue { text, integer, real, reals, duration, boolean };

struct FlagRow {
  const char* name;    // without dashes
  const char* others;  // further names, as CLI11 writes them ("-v", "--healthz-port"); may be empty
  FlagGroup group;
  FlagValue value;
  const char* placeholder;  // for --help; empty for booleans
  const char* standard;     // the default, as text; may be empty
  // What it does; for the group `accepted`: why it has no effect.
  const char* help;
  // Puts a value of the right type into the flags; what was expected when it does not fit, else null. Null itself: no
  // effect.
  const char* (*apply)(const std::string& value, Flags& flags);
  bool repeatable = false;
};

std::span<const FlagRow> flag_table();
const char* title_of(FlagGroup group);
const char* name_of(FlagValue value);
// Null when `text` is a value of that type as Go's pflag reads it; else what was expected.
const char* type_fault(FlagValue value, const std::string& text);

}  // namespace narthex::config
