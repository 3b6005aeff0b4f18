import { testHalf } from "./random-cases.ts";

testHalf(2);
