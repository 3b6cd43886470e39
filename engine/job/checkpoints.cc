#include "job/checkpoints.h"

#include <utility>

#include "base/error.h"

namespace rle {

Checkpoints::Checkpoints(const JobSpec& spec, const std::filesystem::path& model_folder, bool resume,
                         Report& report)
    : schedule_(spec.checkpoint), resume_(resume), report_(report), folder_(model_folder) {
  run_.specification = specification_identity(spec);
  if (resume_) folder_.require_same_specification(run_.specification);
}

Checkpoints::~Checkpoints() {
  writer_.reset();
  if (writes_ && !folder_.last_step()) folder_.remove();
}

void Checkpoints::open(nlohmann::ordered_json data, FitHooks& hooks) {
  run_.data = std::move(data);
  if (resume_) {
    folder_.require_same_data(run_.data);
    state_ = folder_.newest(run_, report_);
  }
  if (state_) hooks.resume = [this] { return *std::exchange(state_, std::nullopt); };
  if (schedule_.off()) return;
  writes_ = true;
  try {
    folder_.begin(run_);
  } catch (const Error& error) {
    report_.warning("{}; the training goes on, and could not be resumed now", error.what());
  }
  writer_.emplace(folder_, schedule_, hooks.clock, state_ ? state_->steps() : 0, report_);
  hooks.state_due = [this](int64_t steps) { return writer_->due(steps); };
  hooks.spare_state = [this] { return writer_->spare(); };
  hooks.keep_state = [this](FitState state) { writer_->keep(std::move(state)); };
}

std::vector<EpochRecord> Checkpoints::former_epochs() const {
  return state_ ? state_->epochs : std::vector<EpochRecord>();
}

std::optional<int64_t> Checkpoints::finish() {
  if (writer_) writer_->finish();
  return folder_.last_step();
}

void Checkpoints::remove() {
  writer_.reset();
  folder_.remove();
}

}  // namespace rle
