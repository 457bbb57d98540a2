// LoadedModel: a model with the threads and kernels that compute it, as every subcommand needs them.
#pragma once

#include <memory>
#include <string>

#include "tenfold/base/result.h"
#include "tenfold/cli/options.h"
#include "tenfold/kernels/kernel_table.h"
#include "tenfold/model/model.h"
#include "tenfold/platform/thread_pool.h"

namespace tenfold::cli {

std::unique_ptr<platform::ThreadPool> MakeThreads(int num_threads);  // 0 = one for each usable processor

struct LoadedModel {
  std::unique_ptr<platform::ThreadPool> threads;
  const kernels::KernelTable* kernels = nullptr;
  std::unique_ptr<model::Model> model;
  double load_ms = 0;
};

// `model` as on the command line. Errors: those of LocalModel, of choosing kernels and of Model::Load, which name the
// file and the way out.
Result<LoadedModel> LoadModel(const std::string& model, const ComputeOptions& options);

}  // namespace tenfold::cli
