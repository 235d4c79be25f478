// Which names the DNS is asked for, when, and what is believed of the answers. Knows neither sockets nor loops: whoever
// owns it (external_names.h) asks and tells. THREAD: control. A resource.
//
//   wanted ─► due ─► in flight ─► found: due again when the TTL is over
//              ▲                  absent, failed: due again after 1, 2, 4 ... 30 s, half of it by chance
//              └──────────────────┘
//
// A TTL counts within 1 s (as often as ingress-nginx looks; 0 would ask without end) and 1 h (a mistake in a zone with
// long TTLs has its end within an hour), and up to a tenth more by chance, so that 100,000 names that were first asked
// for in one second are not asked for in one second ever after.
// The last good answer is kept while the DNS fails, however long that takes. Where the DNS says that the name is gone,
// it is kept for 30 s (servers that are restarted say so, too), then dropped: its addresses may be somebody else's by
// then. LIMITs: 100,000 names, 100 in flight; those that are due wait for a place, the longest due first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "controller/dns_client.h"
#include "controller/resolved_name.h"

namespace narthex::controller {

struct NameBookOptions {
  std::chrono::seconds ttl_least{1}, ttl_most{3600};
  std::chrono::milliseconds back_off_first{1000}, back_off_most{30'000};
  std::chrono::seconds hold_absent{30};
  size_t names = 100'000;
  // Two queries each for every search domain; with answers within 10 ms that is 10,000 names a second, which is about
  // what one CoreDNS has to give.
  size_t in_flight = 100;
  uint64_t seed = 0;
};

struct NameCounts {
  size_t names = 0, in_trouble = 0;
  uint64_t found = 0, absent = 0, failed = 0;  // answers since the start
};

class NameBook final {
 public:
  // REQUIRES: the clock outlives this.
  NameBook(NameBookOptions options, const base::Clock& clock);
  NameBook(const NameBook&) = delete;
  NameBook& operator=(const NameBook&) = delete;

  // Twice is once.
  void want(const std::string& name);
  void forget(const std::string& name);
  // To be asked for now. REQUIRES: each is followed by one answer(), later.
  std::vector<std::string> take_due();
  void answer(const std::string& name, NameAnswer answer);
  // When take_due() will have something to give; none: not before the next answer() or want().
  std::optional<base::SteadyTime> next_due() const;
  // What is believed otherwise than at the last call.
  NameChanges take_changes();
  // Every wanted name has been answered once, well or badly.
  bool settled() const { return unanswered_ == 0; }
  NameCounts counts() const;

 private:
  using Due = std::pair<base::SteadyTime, uint64_t>;  // the number tells names apart that are due at the same time
  struct Entry {
    ResolvedName resolved;
    std::optional<Due> due;  // none: in flight
    bool answered = false;
    uint32_t failures = 0;  // in a row
    std::optional<base::SteadyTime> absent_since;
  };

  void admit(const std::string& name);
  void schedule(const std::string& name, Entry& entry, base::SteadyTime at);
  void believe(const NameAnswer& answer, Entry& entry);
  void note_trouble(NameTrouble trouble, Entry& entry);
  std::chrono::milliseconds pause_after(const NameAnswer& answer, const Entry& entry);
  void set_trouble(NameTrouble trouble, Entry& entry);

  const NameBookOptions options_;
  const base::Clock& clock_;
  std::mt19937_64 random_;
  std::unordered_map<std::string, Entry> entries_;
  std::map<Due, std::string> due_;
  std::set<std::string> turned_away_;  // above the limit: told so, and admitted when a place becomes free
  std::set<std::string> changed_;
  size_t in_flight_ = 0, unanswered_ = 0;
  uint64_t last_number_ = 0;
  NameCounts counts_;
};

}  // namespace narthex::controller
