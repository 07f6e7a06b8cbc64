/** The spatial memory beside the authors' own. */
import { testGolden } from "./cases.ts";

testGolden(/memory/);
