// Every key of ingress-nginx's ConfigMap: what it is, and what becomes of it here. docs/settings.md is printed from it.
// Frozen; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/value_kind.h"

namespace narthex::config {

// The headings of docs/settings.md, in this order.
enum class SettingClass { core, limit, header, log, tls, security, auth, waf, tracing, geo, nginx_only, dead };
inline constexpr int kSettingClasses = static_cast<int>(SettingClass::dead) + 1;

enum class SettingFate {
  carried_out,
  not_yet,     // known, and served as if it were absent
  no_meaning,  // there is nothing here that it could set
};

struct KnownSetting {
  std::string_view name;
  ValueKind kind;
  std::string_view standard;  // ingress-nginx's default; may be empty
  SettingClass group;
  SettingFate fate;
  std::string_view doc;           // what it sets; one line
  std::string_view because = {};  // why it has no meaning; empty for all others
};

// Sorted by name.
std::span<const KnownSetting> known_settings();
// Null: unknown. VALID UNTIL: the program ends.
const KnownSetting* find_setting(std::string_view name);

const char* title_of(SettingClass group);
// The table as Markdown, for docs/settings.md.
std::string settings_markdown();

}  // namespace narthex::config
