#include "tenfold/training/metrics_log.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "tenfold/base/json.h"
#include "tenfold/formats/partial_file.h"
#include "tenfold/platform/mapped_file.h"

namespace tenfold::training {
namespace {

std::string Line(const StepMetrics& metrics) {
  json::object line{{"step", metrics.report.step},
                    {"loss", metrics.report.loss},
                    {"learning_rate", metrics.report.learning_rate},
                    {"gradient_norm", metrics.report.gradient_norm},
                    {"tokens", metrics.num_tokens},
                    {"tokens_per_s", metrics.tokens_per_s()},
                    {"seconds", metrics.seconds},
                    {"cpu_s", metrics.cpu_seconds}};
  if (metrics.validation) {
    line["validation_loss"] = metrics.validation->loss;
    line["bits_per_byte"] = metrics.validation->bits_per_byte;
  }
  return json::serialize(line) + "\n";
}

// The points of a line that is whole and no later than `last_step`.
bool Keep(std::string_view line, int64_t last_step, LossCurve& curve) {
  const auto parsed = ParseJson(line, "metrics");
  if (!parsed || !parsed->is_object()) return false;  // cut off by the end of the process
  const json::object& object = parsed->get_object();
  const auto step = GetInt(object, "step", "metrics");
  const auto loss = GetNumber(object, "loss", "metrics");
  const auto validation = GetNumber(object, "validation_loss", "metrics");
  if (!step || !*step || **step > last_step || !loss || !*loss) return false;
  curve.training.push_back({**step, **loss});
  if (validation && *validation) curve.validation.push_back({**step, **validation});
  return true;
}

}  // namespace

Result<MetricsLog> MetricsLog::Open(const std::filesystem::path& path, int64_t last_step) {
  MetricsLog log;
  log.path_ = path;
  std::string kept;
  if (std::filesystem::exists(path)) {
    constexpr size_t kLimit = size_t{4} << 30;
    ASSIGN_OR_RETURN(const std::string text, platform::ReadTextFile(path, kLimit));
    std::string_view rest = text;
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 1);
      if (Keep(line, last_step, log.curve_)) kept += std::string(line) + "\n";
    }
  }
  RETURN_IF_ERROR(formats::WriteWhole(path, kept));
  log.file_.reset(std::fopen(path.c_str(), "abe"));
  if (log.file_ == nullptr) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", path.string(), std::strerror(errno));
  }
  return log;
}

Status MetricsLog::Append(const StepMetrics& metrics) {
  curve_.training.push_back({metrics.report.step, metrics.report.loss});
  if (metrics.validation) curve_.validation.push_back({metrics.report.step, metrics.validation->loss});
  const std::string line = Line(metrics);
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0) {
    return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
  }
  return {};
}

Status MetricsLog::Sync() {
  if (fsync(fileno(file_.get())) == 0) return {};
  return MakeError(ErrorCode::kIo, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

}  // namespace tenfold::training
