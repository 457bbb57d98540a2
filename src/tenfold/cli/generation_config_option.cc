#include "tenfold/cli/generation_config_option.h"

#include "tenfold/model/generation_config.h"

namespace tenfold::cli {

void AddGenerationConfigOption(CLI::App& command, std::string& choice) {
  command
      .add_option("--generation-config", choice,
                  "Where sampling parameters come from that a request does not bring: the model's own files (auto), "
                  "nowhere (none, or vllm), or the generation_config.json of a folder")
      ->type_name("WHERE");
}

Result<sampling::SamplingDefaults> ChooseSamplingDefaults(const std::string& choice, const model::Model& model) {
  if (choice == "none" || choice == "vllm") return sampling::SamplingDefaults{};
  sampling::SamplingDefaults defaults = model.sampling_defaults();
  if (choice != kGenerationConfigOfModel) {
    ASSIGN_OR_RETURN(defaults, model::SamplingDefaultsIn(choice));
  }
  if (const Status valid = Validate(defaults); !valid) {
    return MakeError(ErrorCode::kInvalidArgument, "--generation-config {}: {}; none passes over what the model says",
                     choice, valid.error().message);
  }
  return defaults;
}

}  // namespace tenfold::cli
