/** What Flagger 1.44 reached on the same kind of machine: two tracked configurations, threshold 5. */
export interface PeerFigures {
  readonly requestsPerInterval: string;
  readonly idleCpu: string;
  readonly resident: string;
  readonly initialised?: string;
  readonly requestsPerPromotion?: string;
  readonly promotionCpu?: string;
  readonly lateness?: string;
  readonly backAtZero?: string;
}

/** By the number of canaries. A thousand had an interval of 60 s. */
export const peer: Readonly<Record<number, PeerFigures>> = {
  20: {
    requestsPerInterval: '12.0',
    idleCpu: '0.7 %',
    resident: '73 MiB',
    initialised: '21 s',
    requestsPerPromotion: '175',
    promotionCpu: '1.2 s',
    lateness: '0.18 s',
    backAtZero: '60.0 s',
  },
  200: {
    requestsPerInterval: '5.9, falling behind',
    idleCpu: '9.4 %',
    resident: '91 MiB',
    requestsPerPromotion: '168',
    promotionCpu: '22.8 s',
    lateness: '14.1 s',
    backAtZero: '144.7 s',
  },
  1000: {
    requestsPerInterval: '7.3, falling behind',
    idleCpu: '8.2 %',
    resident: '125 MiB',
    initialised: '380 s',
  },
};
