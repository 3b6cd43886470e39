// Boost.Asio as this layer uses it, compiled once in boost.cc. Included by this layer's sources only.
#pragma once

#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_BEAST_SEPARATE_COMPILATION

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>

namespace rle {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// A socket with or without TLS around it, as one type that reads and writes asynchronously.
class Stream {
 public:
  using executor_type = tcp::socket::executor_type;

  Stream(tcp::socket socket, asio::ssl::context* tls) : plain_(std::move(socket)) {
    if (tls) tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(plain_, *tls);
  }

  executor_type get_executor() { return plain_.get_executor(); }
  tcp::socket& socket() { return plain_; }
  asio::ssl::stream<tcp::socket&>* tls() { return tls_.get(); }

  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (tls_)
      tls_->async_read_some(buffers, std::forward<Handler>(handler));
    else
      plain_.async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (tls_)
      tls_->async_write_some(buffers, std::forward<Handler>(handler));
    else
      plain_.async_write_some(buffers, std::forward<Handler>(handler));
  }

 private:
  tcp::socket plain_;
  std::unique_ptr<asio::ssl::stream<tcp::socket&>> tls_;
};

}  // namespace rle
