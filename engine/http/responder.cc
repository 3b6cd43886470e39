// The responder of a connection's exchange: its calls, from any thread, become calls on the server's thread.
#include "http/connection.h"

namespace rle {
namespace {

class ConnectionResponder final : public Responder {
 public:
  ConnectionResponder(std::shared_ptr<Connection> connection, Connection::State state)
      : connection_(std::move(connection)), state_(std::move(state)) {}

  ~ConnectionResponder() override {
    if (!ended_) on_server([](Connection& connection, const State& state) { connection.abandon(state); });
  }

  void send(Response response) override {
    if (ended_.exchange(true)) return;
    on_server([response = std::move(response)](Connection& connection, const State& state) mutable {
      connection.answer(state, std::move(response));
    });
  }

  void begin(Response head) override {
    on_server([head = std::move(head)](Connection& connection, const State& state) mutable {
      connection.begin(state, std::move(head));
    });
  }

  void write(std::string data) override {
    if (closed()) return;
    state_->pending += data.size();
    on_server([data = std::move(data)](Connection& connection, const State& state) {
      connection.write(state, data);
    });
  }

  void finish() override {
    if (ended_.exchange(true)) return;
    on_server([](Connection& connection, const State& state) { connection.finish(state); });
  }

  size_t pending_bytes() const override { return state_->pending; }
  bool closed() const override { return state_->closed; }

  void when_drained(std::function<void()> action) override {
    on_server([action = std::move(action)](Connection& connection, const State& state) mutable {
      connection.when_drained(state, std::move(action));
    });
  }

  void every(std::chrono::milliseconds interval, std::function<void()> action) override {
    on_server([interval, action = std::move(action)](Connection& connection, const State& state) mutable {
      connection.every(state, interval, std::move(action));
    });
  }

  void when_closed(std::function<void()> action) override {
    on_server([action = std::move(action)](Connection& connection, const State& state) mutable {
      connection.when_closed(state, std::move(action));
    });
  }

  void run(std::function<void()> action) override { connection_->shared().quick.push(std::move(action)); }

  void set_route(std::string route) override {
    on_server([route = std::move(route)](Connection& connection, const State& state) mutable {
      connection.set_route(state, std::move(route));
    });
  }

 private:
  using State = Connection::State;

  template <typename Action>
  void on_server(Action action) {
    asio::post(connection_->shared().io,
               [connection = connection_, state = state_, action = std::move(action)]() mutable {
                 action(*connection, state);
               });
  }

  std::shared_ptr<Connection> connection_;
  State state_;
  std::atomic<bool> ended_{false};
};

}  // namespace

std::shared_ptr<Responder> make_responder(std::shared_ptr<Connection> connection, Connection::State state) {
  return std::make_shared<ConnectionResponder>(std::move(connection), std::move(state));
}

}  // namespace rle
