// The groups of annotations, one function each: annotations in, options out. What is absent or bad leaves the options as they are,
// which is as the settings have them. Pure but for the findings of the reader; any thread.
#pragma once

#include <optional>

#include "config/annotation_reader.h"
#include "config/annotations.h"

namespace narthex::config {

std::optional<CookieAffinity> read_affinity(AnnotationReader& reader);
void read_redirects(AnnotationReader& reader, RouteOptions& into);
void read_access(AnnotationReader& reader, RouteOptions& into);
void read_proxying(AnnotationReader& reader, RouteOptions& into);
void read_cors(AnnotationReader& reader, RouteOptions& into);
void read_rewriting(AnnotationReader& reader, RouteOptions& into);
void read_host(AnnotationReader& reader, HostOptions& into);

// Of an Ingress that is no canary: what only a canary can carry out gets a note.
void check_no_canary(AnnotationReader& reader);
// What is to be told about an annotation whatever its value: that it is unknown, not carried out, or without effect.
void judge_annotation(AnnotationReader& reader, std::string_view name, std::string_view value);

// proxy-next-upstream, of an annotation or of the settings; tries and time are as in `settings`.
std::optional<Retries> parse_retries(std::string_view text, const Retries& settings);

}  // namespace narthex::config
