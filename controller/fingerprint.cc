#include "controller/fingerprint.h"

#include <boost/pfr/core.hpp>
#include <type_traits>

#include "base/hash.h"

namespace narthex::controller {
namespace {

// One overload per shape; Boost.PFR walks the fields of plain structs, so a field that is added to config/objects.h is
// never forgotten.
class Hasher {
 public:
  uint64_t value() const { return value_; }

  void add(const std::string& text) { mix(base::hash(text, text.size())); }

  template <typename T>
  void add(const std::optional<T>& optional) {
    mix(optional.has_value());
    if (optional) add(*optional);
  }

  template <typename T>
  void add(const std::vector<T>& list) {
    mix(list.size());
    for (const T& item : list) add(item);
  }

  void add(const std::map<std::string, std::string>& map) {
    mix(map.size());
    for (const auto& [key, text] : map) {
      add(key);
      add(text);
    }
  }

  template <typename Rep, typename Period>
  void add(const std::chrono::duration<Rep, Period>& duration) {
    mix(static_cast<uint64_t>(duration.count()));
  }

  void add(const std::chrono::sys_seconds& time) { add(time.time_since_epoch()); }

  template <typename T>
  void add(const T& field) {
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      mix(static_cast<uint64_t>(field));
    } else {
      static_assert(std::is_aggregate_v<T>);
      boost::pfr::for_each_field(field, [this](const auto& part) { add(part); });
    }
  }

 private:
  void mix(uint64_t word) { value_ = base::mix(value_, word); }

  uint64_t value_ = 0;
};

}  // namespace

uint64_t fingerprint(const config::Object& object) {
  Hasher hasher;
  hasher.add(object.index());
  std::visit([&hasher](const auto& held) { hasher.add(held); }, object);
  return hasher.value();
}

}  // namespace narthex::controller
