// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/connection.hpp"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace streamutils::redis {

struct Connection::Impl {
  redisContext* context = nullptr;
  bool tcp = false;
};

void Connection::Free::operator()(Impl* impl) const {
  if (impl->context != nullptr) redisFree(impl->context);
  delete impl;
}

namespace {

std::string error_text(const redisContext& context) {
  if (context.err == REDIS_ERR_EOF) return "the server closed the connection";
  return context.errstr[0] != '\0' ? context.errstr : "unknown error";
}

Reply convert(const redisReply& from) {
  Reply reply;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::integer;
      reply.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_ERROR:
      reply.kind = from.type == REDIS_REPLY_ERROR ? Reply::Kind::error : Reply::Kind::text;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::array;
      for (size_t i = 0; i < from.elements; ++i) reply.items.push_back(convert(*from.element[i]));
      break;
    default:
      break;
  }
  return reply;
}

}  // namespace

bool Reply::is_error(std::string_view code) const {
  return kind == Kind::error && std::string_view(text).starts_with(code) &&
         (text.size() == code.size() || text[code.size()] == ' ');
}

void append_argument(std::string& out, std::string_view argument) {
  fmt::format_int size(argument.size());
  out.push_back('$');
  out.append(size.data(), size.size());
  out.append("\r\n");
  out.append(argument);
  out.append("\r\n");
}

void append_command(std::string& out, std::initializer_list<std::string_view> arguments) {
  out.append(fmt::format("*{}\r\n", arguments.size()));
  for (const std::string_view argument : arguments) append_argument(out, argument);
}

Result<Connection> Connection::begin(const Url& url) {
  Connection connection(new Impl);
  Impl& impl = *connection.impl_;
  impl.tcp = url.path.empty();
  impl.context =
      impl.tcp ? redisConnectNonBlock(url.host.c_str(), url.port) : redisConnectUnixNonBlock(url.path.c_str());
  if (impl.context == nullptr) return failed("out of memory");
  if (impl.context->err != 0) return failed("{}", error_text(*impl.context));
  return connection;
}

Status Connection::finish() {
  int error = 0;
  socklen_t size = sizeof error;
  const int fd = impl_->context->fd;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return failed("{}", std::strerror(error));
  if (impl_->tcp) {
    const int on = 1;  // both are improvements only: a failure changes nothing but speed
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  return {};
}

bool Connection::wait(bool to_write, Duration timeout) const {
  pollfd entry{impl_->context->fd, static_cast<short>(POLLIN | (to_write ? POLLOUT : 0)), 0};
  const int64_t ms = std::clamp<int64_t>((timeout.us + 999) / 1000, 0, 60'000);
  return poll(&entry, 1, static_cast<int>(ms)) > 0;
}

Result<size_t> Connection::send(std::string_view bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(impl_->context->fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      sent += static_cast<size_t>(n);
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      break;
    } else if (n < 0 && errno != EINTR) {
      return failed("{}", std::strerror(errno));
    }
  }
  return sent;
}

Result<std::optional<Reply>> Connection::receive() {
  redisContext& context = *impl_->context;
  for (bool read_once = false;; read_once = true) {
    void* raw = nullptr;
    if (redisGetReplyFromReader(&context, &raw) != REDIS_OK) return failed("{}", error_text(context));
    if (raw != nullptr) {
      const std::unique_ptr<void, decltype(&freeReplyObject)> owner(raw, freeReplyObject);
      return std::optional<Reply>(convert(*static_cast<redisReply*>(raw)));
    }
    if (read_once) return std::optional<Reply>();
    // With nothing to read hiredis returns OK and has read nothing.
    if (redisBufferRead(&context) != REDIS_OK) return failed("{}", error_text(context));
  }
}

}  // namespace streamutils::redis
