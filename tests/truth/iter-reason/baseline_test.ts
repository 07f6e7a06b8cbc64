/** The ConvNet beside the authors' own. */
import { testGolden } from "./cases.ts";

testGolden(/^baseline_/);
