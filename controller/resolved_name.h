// What the DNS says of the name of an ExternalName Service: a part of the store, told by the name resolver as sources
// tell of objects, so that translation stays pure and one answer dirties the backends of one name. Values; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace narthex::controller {

inline constexpr size_t kNameAddressesMax = 256;  // of one name; the reason stands in dns_client.h

enum class NameTrouble : uint8_t {
  none,      // the DNS answered with addresses
  absent,    // the DNS says that there is no such name, or that it has no address
  failing,   // no DNS server answers, or none can
  too_many,  // never asked: there are more names than the resolver takes
};

struct ResolvedName {
  std::string name;                    // as spec.externalName has it
  std::vector<std::string> addresses;  // the last good answer: sorted, unique; no names, no ports
  bool cut = false;                    // there were more addresses than are kept
  NameTrouble trouble = NameTrouble::none;
  // The first of the failures in a row. REQUIRES: set where there is a trouble.
  std::chrono::sys_seconds since{};
  bool operator==(const ResolvedName&) const = default;
};

struct NameChange {
  std::string name;
  std::optional<ResolvedName> resolved;  // none: not known any more
};
using NameChanges = std::vector<NameChange>;

}  // namespace narthex::controller
