// A real WebSocket client and a pod that speaks it too: Boost.Beast's implementation of RFC 6455 over the connections
// of client.h and backend.h. Blocking; every read and write gives up after kPatience. Errors are NetworkError, thrown.
// THREAD: one at a time per object.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "test/support/backend.h"
#include "test/support/wire.h"

namespace narthex::test {

struct WebSocketMessage {
  std::string bytes;
  bool binary = false;
  bool operator==(const WebSocketMessage&) const = default;
};

struct WebSocketEnd {
  uint16_t code = 0;  // 1005: none was given
  std::string reason;
  bool operator==(const WebSocketEnd&) const = default;
};

struct WebSocketOptions {
  std::string host = "example.com", target = "/";
  std::string protocol = {};  // Sec-WebSocket-Protocol
  bool deflate = false;       // offers permessage-deflate (RFC 7692)
};

class WebSocket final {
 public:
  // Does the opening handshake on a fresh connection.
  WebSocket(std::unique_ptr<Connection> connection, const WebSocketOptions& options);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // Of the answer to the opening handshake.
  const std::string& protocol() const;
  bool deflates() const;

  // `fragment`: at most so many bytes per frame, and a ping between the frames; 0: in one frame.
  void send(const WebSocketMessage& message, size_t fragment = 0);
  // The next message. Pings are answered, pongs noted.
  WebSocketMessage receive();
  // Sends and receives.
  WebSocketMessage ask(const WebSocketMessage& message, size_t fragment = 0);
  void ping(const std::string& payload);
  // What arrived so far, in order.
  const std::vector<std::string>& pings() const;
  const std::vector<std::string>& pongs() const;

  // The closing handshake, begun here; what the peer answered (Beast's gives the code back, without a reason).
  WebSocketEnd close(const WebSocketEnd& end);
  // Reads until the peer closes; what it gave as the reason.
  WebSocketEnd wait_for_end();

 private:
  struct Native;
  std::unique_ptr<Native> native_;
};

// What a pod does with upgrades: takes the first of the subprotocols offered, and echoes message for message until the
// client closes. Two texts mean something else: "ping me" is answered with a ping that carries "are you there", and
// "close me" with a close frame of code 4001 and reason "as you wish". THREAD: any.
class EchoingWebSockets final {
 public:
  Handler handler();
  // How clients have closed so far.
  std::vector<WebSocketEnd> ends() const;

 private:
  void serve(BackendExchange& exchange);

  mutable std::mutex lock_;
  std::vector<WebSocketEnd> ends_;
};

}  // namespace narthex::test
