// What a mini-program's JavaScript has besides ECMAScript and my.
declare function setTimeout(work: (value?: any) => void, milliseconds: number): number;
