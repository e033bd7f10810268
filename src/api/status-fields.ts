import { z } from "zod";

/** A moment, as Kubernetes writes it. */
export const time = (description: string) => z.string().meta({ format: "date-time", description });
