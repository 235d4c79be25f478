// What clients and pods say to each other in a simulation, and whether it was right: requests whose answers follow from
// their target, pods that check what reaches them, and a judge over what a client heard.
// Values and free functions; THREAD: see kernel.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "test/support/client.h"
#include "test/support/simulation/rig.h"

namespace narthex::simulation {

// One request and the answer that it must get.
struct Ask {
  std::string wire = {};
  std::string later = {};  // sent behind 100 Continue or 101
  std::string method = "GET";
  int status = 200;
  std::string body = {};  // with 101: what comes behind it
};

// The body of the answer to GET `target`, and the body of a POST to it: `bytes=N` in the query says how long it is.
std::string page(std::string_view target);
std::string form(std::string_view target);

Ask get(const std::string& target, const std::string& more_fields = "");
Ask head(const std::string& target);
enum class Form : uint8_t { whole, chunked, expecting };  // expecting: waits for 100 Continue
Ask post(const std::string& target, Form how = Form::whole);
// A WebSocket that says `text` and hears it again.
Ask websocket(const std::string& text);

// What a client heard.
struct Heard {
  std::string bytes;
  bool ended = false;   // in order
  bool broken = false;  // by a reset, or under TLS without a goodbye
};

// "": the bytes are the right answers in their order. Where something failed (`harmed`) an answer may also be one of
// our own for a fault, or missing, as long as the client can see that it is. Else what is wrong, in words.
std::string judge(const Heard& heard, const std::vector<Ask>& asks, bool harmed);

// What a pod does with a request, by the first element of its target:
//   /page   its page, with a length        /stream  its page in chunks, with a trailer
//   /until  its page up to the end         /form    checks the body, answers with its page
//   /busy   413 without reading the body, and closes
//   /stale  as /page, but resets the connection when asked for it on one that was used before
//   /chat   switches protocols, then echoes
// Whatever is not as it should be goes to `complaints`.
class Pod final {
 public:
  void on_change(Peer& peer);
  std::vector<std::string> complaints;
  uint64_t forms = 0;  // bodies taken whole
  void forget() {
    complaints.clear();
    forms = 0;
  }

 private:
  bool serve_one(Peer& peer);
  void answer(Peer& peer, const test::Head& head, const std::string& target);
};

// A client at work: sends its requests, each behind the answer to the one before or all at once, and collects answers.
class Visit {
 public:
  virtual ~Visit() = default;
  virtual Heard heard() const = 0;
  const std::vector<Ask>& asks() const { return asks_; }

 protected:
  Visit(std::vector<Ask> asks, bool pipelined) : asks_(std::move(asks)), pipelined_(pipelined) {}
  // What to send now.
  std::string next(const std::string& heard_bytes);

 private:
  const std::vector<Ask> asks_;
  const bool pipelined_;
  size_t sent_ = 0, later_sent_ = 0;  // how many of them
};

std::unique_ptr<Visit> visit(Peer& client, std::vector<Ask> asks, bool pipelined = false);
std::unique_ptr<Visit> visit_tls(Peer& client, std::vector<Ask> asks, bool pipelined = false);

}  // namespace narthex::simulation
