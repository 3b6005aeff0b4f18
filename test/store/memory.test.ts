import { memory } from "../../engine/store/memory.ts";
import { storeContract } from "./contract.ts";

storeContract("memory", false, (body) => {
  const store = memory();
  return body({ open: () => store });
});
