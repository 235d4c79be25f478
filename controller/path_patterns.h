// Hosts whose paths are patterns (use-regex, rewrite-target), with ingress-nginx's rules: one Ingress decides for all paths of the
// host, of whatever type; the longest text is tried first. Pure functions; THREAD: control.
#pragma once

#include <string>
#include <string_view>

#include "config/route_options.h"
#include "controller/translate.h"

namespace narthex::controller {

// Does a path of a served Ingress make patterns of all paths of this host?
bool reads_patterns(const Store& store, const std::string& host, const AnnotationsOf& annotations_of);

// A target that is the path itself changes nothing.
bool is_rewritten(const config::RouteOptions& options, std::string_view path);

// Makes patterns of the routes of `host`, whose paths are still the texts of their rules, in the order in which they are tried. One that
// cannot be compiled becomes a finding, and a route that answers 503 to what begins as it does and no better route takes; a default
// backend of the host is better than one that may be about anything.
void turn_into_patterns(TranslatedHost& host, const AnnotationsOf& annotations_of, bool has_default);

}  // namespace narthex::controller
