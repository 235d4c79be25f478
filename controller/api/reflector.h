// One kind in one scope, kept the same as the API server's: a list, then a watch, and again from where it broke off.
// Owned by the API source. THREAD: control. A resource.
//
//   list ──► watch ──► ends after 5 to 10 minutes, or breaks off ──► watch from the last known version
//    ▲         └─ 410 Gone, or the version is not known any more ──► list
//    └── a list that is empty though objects are known is believed when a second one says the same, seconds later
//
//   no answer, 5xx, cut off      back-off with full jitter, at most 30 s; Retry-After is kept to (429, 503)
//   403 forbidden, 404 no kind   what is known stays; tried again soon, then three times a minute; the state says so
//   401                          the client has asked for new credentials already: as no answer
//
// The list comes as a stream where the server offers that (sendInitialEvents), else in pages. Either way an object that
// the list does not name any more is removed. Events at or below the version that has been reached are old ones come
// twice or too late, and are left out. A page that is too large is asked for in smaller ones.
// LIMIT: keeps the names of objects, not the objects.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "controller/api/api_client.h"
#include "controller/api/api_path.h"

namespace narthex::controller {

struct ReflectorTimes {
  std::chrono::milliseconds back_off_first{200}, back_off_most{30'000};
  std::chrono::milliseconds request{30'000};        // for a page, and for a watch to begin
  std::chrono::milliseconds forbidden{20'000};      // between tries, give or take a half, after the first few
  std::chrono::milliseconds confirm_empty{5'000};   // between an empty list and the next
  std::chrono::milliseconds first_line{15'000};     // of a stream that begins with a list
  // Bookmarks come about every minute. Where one came, so long a silence means that nobody is there.
  std::chrono::milliseconds after_bookmark{150'000};
  std::chrono::seconds watch_least{300}, watch_most{600};
  std::chrono::milliseconds watch_grace{15'000};  // for the server to end a watch whose time is over
};

struct ReflectorOptions {
  ReflectorTimes times;
  uint32_t page_items = 500;
  bool streaming_lists = true;
};

enum class PartState : uint8_t {
  starting,   // not listed yet
  current,    // listed, and watched as far as is known
  failing,    // no answer, or none that helps; tried again
  forbidden,  // 403
  absent,     // 404: the server has no such kind
};

class Reflector final {
 public:
  struct Takers {
    // An object is now so. False: it is not to be kept, and is treated as one that is not there.
    std::function<bool(config::ApiObject object)> upsert;
    std::function<void(const config::ObjectKey& key)> remove;
    // state(), listed() or trouble() is another one.
    std::function<void()> changed;
  };

  // REQUIRES: all outlive this; takers do not destroy it.
  Reflector(boost::asio::io_context& loop, ApiClient& client, const base::Clock& clock, ApiScope scope,
            ReflectorOptions options, Takers takers);
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  void start();
  // The server has answered somebody: where it did not answer this one, not to wait any longer than half a second.
  void hurry();
  // An object that came another way (a single request) is kept from now on.
  void adopt(const config::ObjectKey& key);
  bool knows(const config::ObjectKey& key) const;

  const ApiScope& scope() const;
  PartState state() const;
  bool listed() const;                 // at least once
  const std::string& trouble() const;  // of the last try; empty where there is none
  size_t object_count() const;
  uint64_t lists() const;    // begun
  uint64_t watches() const;  // begun
  base::WallTime last_event() const;

 private:
  class Running;
  std::shared_ptr<Running> running_;
};

}  // namespace narthex::controller
