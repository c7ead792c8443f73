#include "encoder/rotary.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace bge {
namespace {

// torch 2.13.0: 1 / theta ** (arange(0, 64, 2) / 64), and cos and sin of position times that.
constexpr std::array<size_t, 4> kPlaces = {0, 1, 15, 31};
struct Row {
  int64_t position;
  std::array<float, 4> cosines;
  std::array<float, 4> sines;
};

void ExpectTurns(double theta, const std::array<float, 4>& expected, const std::vector<Row>& rows) {
  const std::vector<float> frequencies = RotaryFrequencies(theta, 64);
  ASSERT_EQ(frequencies.size(), 32u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(frequencies[kPlaces[i]], expected[i]) << i;
  ThreadPool pool(2);
  Workspace workspace;
  const Matrix turns = RotaryTurns({pool, workspace}, frequencies, 8192);
  ASSERT_EQ(turns.rows, 8192);
  ASSERT_EQ(turns.cols, 64);
  for (const Row& row : rows) {
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(turns.row(row.position)[kPlaces[i]], row.cosines[i], 1.2e-7f) << row.position;
      EXPECT_NEAR(turns.row(row.position)[32 + kPlaces[i]], row.sines[i], 1.2e-7f) << row.position;
    }
  }
}

TEST(Rotary, TurnsAreTorchs) {
  ExpectTurns(10000.0, {1.0f, 0.749894202f, 0.0133352149f, 0.00013335215f},
              {{0, {1, 1, 1, 1}, {0, 0, 0, 0}},
               {100,
                {0.862318873f, 0.917596221f, 0.235054702f, 0.99991107f},
                {-0.506365657f, -0.397513688f, 0.971982121f, 0.01333482f}},
               {8191,
                {-0.646390498f, -0.842082798f, -0.747172713f, 0.460456073f},
                {-0.763006806f, -0.539348304f, 0.664629877f, 0.887682498f}}});
  ExpectTurns(160000.0, {1.0f, 0.687656045f, 0.00363553851f, 9.08884704e-06f},
              {{1,
                {0.540302336f, 0.772735894f, 0.999993384f, 1.0f},
                {0.841470957f, 0.634727657f, 0.00363553059f, 9.08884704e-06f}},
               {8191,
                {-0.646390498f, -0.959715724f, -0.0663852915f, 0.997230113f},
                {-0.763006806f, 0.280972779f, -0.997794032f, 0.0743779987f}}});
}

TEST(Rotary, NoPositionsNoTurns) {
  ThreadPool pool(1);
  Workspace workspace;
  EXPECT_EQ(RotaryTurns({pool, workspace}, RotaryFrequencies(10.0, 2), 0).rows, 0);
}

}  // namespace
}  // namespace bge
