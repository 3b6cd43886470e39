#include "job/state_writer.h"

#include <utility>

#include "base/error.h"

namespace rle {

StateWriter::StateWriter(ResumeFolder& folder, const CheckpointSchedule& schedule,
                         std::function<double()> clock, int64_t steps, Report& report)
    : folder_(folder),
      schedule_(schedule),
      clock_(std::move(clock)),
      report_(report),
      last_steps_(steps),
      last_seconds_(clock_ ? clock_() : 0),
      thread_([this] { work(); }) {}

StateWriter::~StateWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool StateWriter::due(int64_t steps) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_) return false;
    tell();
  }
  const bool by_steps = schedule_.every_steps > 0 && steps - last_steps_ >= schedule_.every_steps;
  const bool by_time =
      schedule_.every_seconds > 0 && clock_ && clock_() - last_seconds_ >= schedule_.every_seconds;
  return by_steps || by_time;
}

void StateWriter::keep(FitState state) {
  last_steps_ = state.steps();
  last_seconds_ = clock_ ? clock_() : 0;
  std::unique_lock lock(mutex_);
  wait_and_tell(lock);
  waiting_ = std::move(state);
  changed_.notify_all();
}

FitState StateWriter::spare() {
  const std::lock_guard lock(mutex_);
  return std::exchange(written_, {});
}

void StateWriter::finish() {
  std::unique_lock lock(mutex_);
  wait_and_tell(lock);
}

void StateWriter::wait_and_tell(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [&] { return !waiting_; });
  tell();
}

// Under the lock. A disk that stays full is told once.
void StateWriter::tell() {
  if (!outcome_) return;
  const bool failed = !outcome_->empty();
  if (failed && !failing_) {
    const std::optional<int64_t> last = folder_.last_step();
    report_.warning("no checkpoint was written: {}; the training goes on, {}", *outcome_,
                    last ? fmt::format("and the checkpoint after step {} stays valid", *last)
                         : "and could not be resumed now");
  }
  if (!failed && failing_) report_.info("checkpoints are written again");
  failing_ = failed;
  outcome_.reset();
}

void StateWriter::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return waiting_ || stop_; });
    if (!waiting_) return;
    lock.unlock();
    std::string failure;
    try {
      folder_.write(*waiting_);  // nobody else touches it while it is there
    } catch (const std::exception& error) {
      failure = error.what();
    }
    lock.lock();
    written_ = *std::exchange(waiting_, std::nullopt);
    written_.best_parameters.reset();
    outcome_ = std::move(failure);
    changed_.notify_all();
  }
}

}  // namespace rle
