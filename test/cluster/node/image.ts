/** What stands in for a container image: a program of this machine and the files that it may see. */
export interface Image {
  /** What runs when the container gives no `command`. */
  readonly entrypoint: readonly string[];
  /** Default arguments, when the container gives neither `command` nor `args`. */
  readonly args: readonly string[];
  /** Root when left out. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly env: Readonly<Record<string, string>>;
  /** `/` when left out. */
  readonly workingDir?: string;
  /** Files and folders by their path in the container; shown read-only. */
  readonly files: Readonly<Record<string, string>>;
}

/** `undefined` for an image that nothing stands in for. */
export type Images = (image: string) => Image | undefined;
