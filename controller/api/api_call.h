// The API client as whoever writes sees it: one request, one answer, later; so that tests can stand in for the server.
// THREAD: control.
#pragma once

#include <functional>
#include <string>

#include "controller/api/api_connection.h"

namespace narthex::controller {

// As ApiClient::request: the taker is called once, never from within the call.
using ApiCall = std::function<void(ApiRequest, ApiAnswerTaker)>;

inline constexpr const char* kMergePatch = "application/merge-patch+json";

// Why an answer is no success, in one line: the trouble, or the status and what the server says.
std::string why_not(const ApiAnswer& answer);

}  // namespace narthex::controller
