#include "tenfold/cli/program.h"

int main(int argc, char** argv) {
  return tenfold::cli::RunProgram(argc, argv);
}
