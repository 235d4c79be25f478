// What kind of value an annotation or a setting has: one word for both tables and for their pages. Values; any thread.
#pragma once

namespace narthex::config {

enum class ValueKind {
  boolean,  // true or false as Go's strconv.ParseBool reads them
  integer,
  number,    // with a fraction
  seconds,   // whole ones, without unit
  duration,  // with unit: 5s, 10m, 1h
  size,      // bytes, or with k, m or g behind them
  word,      // one of a few
  words,     // some of a few, with spaces between them
  text,
  list,     // texts with commas between them
  ranges,   // addresses and CIDR ranges with commas between them
  codes,    // statuses with commas between them
  hosts,    // with commas between them
  header,   // the name of a field
  headers,  // with commas between them
  object,   // of Kubernetes: name, or namespace/name
  path,
  url,
  regex,
  template_text,  // text with $variables
  snippet,        // text in the language of another program
};

const char* name_of(ValueKind kind);

}  // namespace narthex::config
