// The annotations of one Ingress as the groups of features read them (annotation_groups.h): typed values out, and findings about
// what is none. Lives for one call. THREAD: the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/finding.h"
#include "config/objects.h"

namespace narthex::config {

// What becomes of an Ingress with a value that is none, as in ingress-nginx (annotations.tsv, bad_value_behaviour).
enum class Otherwise {
  kept_default,   // the annotation counts as absent
  object_refused, // the Ingress is not served at all: 404
  routes_closed,  // its routes answer 503
};

class AnnotationReader final {
 public:
  // `prefix`: without the slash. REQUIRES: all outlive this.
  AnnotationReader(const Meta& meta, const std::string& prefix, Findings& findings);
  AnnotationReader(const AnnotationReader&) = delete;
  AnnotationReader& operator=(const AnnotationReader&) = delete;

  // False: there is no annotation of the prefix at all.
  bool any() const;
  // The name without prefix of each annotation with it, and its value.
  template <typename Take>
  void for_each(Take take) const {
    for (auto it = meta_.annotations.lower_bound(prefix_); it != meta_.annotations.end() && it->first.starts_with(prefix_); ++it)
      take(std::string_view(it->first).substr(prefix_.size()), std::string_view(it->second));
  }
  // The trimmed value, or nothing when the annotation is absent.
  std::optional<std::string_view> value(std::string_view name) const;

  // Each leaves `into` as it is where the annotation is absent or bad.
  void read_bool(std::string_view name, bool& into, Otherwise otherwise = Otherwise::kept_default);
  void read_timeout(std::string_view name, std::chrono::seconds& into);
  void read_size(std::string_view name, uint64_t& into);
  void read_count(std::string_view name, uint64_t max, uint32_t& into);

  void say(Severity severity, const char* reason, std::string_view name, std::string message);
  // `expected`: "true or false". An empty value is what templates leave behind: absent to ingress-nginx, and a note here,
  // unless routes are closed.
  void say_bad_value(std::string_view name, std::string_view value, std::string_view expected,
                     Otherwise otherwise = Otherwise::kept_default);
  // A guard that cannot be set up as asked.
  void close_routes(std::string_view name) { unmet_guards_.emplace_back(name); }

  bool refused() const { return refused_; }
  const std::vector<std::string>& unmet_guards() const { return unmet_guards_; }

 private:
  const Meta& meta_;
  const std::string prefix_;
  Findings& findings_;
  bool refused_ = false;
  std::vector<std::string> unmet_guards_;
};

}  // namespace narthex::config
