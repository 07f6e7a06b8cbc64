/** Pictures, boxes and metrics beside the authors' own. */
import { testGolden } from "./cases.ts";

testGolden(/^(input|metrics)/);
